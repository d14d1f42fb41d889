package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bedrock-bft/bedrock/client/load"
	"github.com/bedrock-bft/bedrock/node/devnet"
)

// runLoad sends the load that was asked for and reports what came of it.
func (s *session) runLoad(ctx context.Context) error {
	if s.o.rate <= 0 {
		return errors.New("--report needs --load: how many transactions a second to send")
	}
	if s.keys == nil {
		return errors.New("--load sends transfers, and this chain has no funded accounts: leave --load out, or begin a chain with --accounts 1000")
	}
	opt := load.Config{Trust: s.trust, Rate: s.o.rate, Duration: s.o.duration, RecordShare: 0.1, Progress: s.progress}
	for i := range s.net.Nodes {
		opt.Endpoints = append(opt.Endpoints, s.net.RPC(i))
	}
	for i := range min(s.o.senders, s.keys.Count) {
		key, err := s.keys.Key(i)
		if err != nil {
			return err
		}
		opt.Keys = append(opt.Keys, key)
	}
	if len(opt.Keys) == 0 {
		return fmt.Errorf("--load needs funded accounts: --senders %d of %d", s.o.senders, s.keys.Count)
	}
	s.say("sending %g transactions a second of %d accounts to %d nodes", s.o.rate, len(opt.Keys), len(opt.Endpoints))
	before := s.usage()
	result, err := load.Run(ctx, opt)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	s.complete(&result.Report, before)
	s.printReport(result)
	if s.o.report != "" {
		b, err := result.Report.JSON()
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		if err := os.WriteFile(s.o.report, b, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		s.say("report: %s", s.o.report)
	}
	return nil
}

func (s *session) progress(p load.Progress) {
	text := ""
	if p.Text != "" {
		text = "  " + p.Text
	}
	s.say("%4.0f s  height %-7d  %7.0f tx/s  final after p50 %4d ms, p99 %4d ms%s", p.Elapsed.Seconds(), p.Height, p.TPS, p.P50.Milliseconds(), p.P99.Milliseconds(), text)
}

// usage is what each node's process has taken so far; zero for one that is down.
func (s *session) usage() []devnet.Usage {
	out := make([]devnet.Usage, len(s.net.Nodes))
	for i, p := range s.net.Nodes {
		if pid := p.PID(); pid != 0 {
			if u, err := devnet.ReadUsage(pid); err == nil {
				out[i] = u
			}
		}
	}
	return out
}

// complete adds what only the runner of the processes knows.
func (s *session) complete(r *load.Report, before []devnet.Usage) {
	after := s.usage()
	for i := range r.Nodes {
		n := &r.Nodes[i]
		n.CPUSeconds = max(0, after[i].CPUSeconds-before[i].CPUSeconds)
		n.RSSBytes = after[i].RSSBytes
		if bytes, err := devnet.DiskBytes(s.net.Nodes[i].Home); err == nil {
			n.DiskBytes = bytes
		}
	}
}

func (s *session) printReport(result *load.Result) {
	r := &result.Report
	s.say("\ncommitted %d of %d offered (%.2f %%), %.0f tx/s; final after p50 %.0f, p90 %.0f, p99 %.0f, at most %.0f ms",
		r.CommittedTx, r.OfferedTx, 100*float64(r.CommittedTx)/float64(max(1, r.OfferedTx)), r.GoodputTPS, r.FinalityMs.P50, r.FinalityMs.P90, r.FinalityMs.P99, r.FinalityMs.Max)
	s.say("%d heights, every %.0f ms (p50); %d timeouts, %d empty views; all nodes agree on every outcome: %t",
		r.Heights, r.BlockIntervalMs.P50, r.Timeouts, r.EmptyViews, r.StateRootsAgree)
	for i, n := range r.Nodes {
		s.say("node%d: height %d, %.1f s of CPU (%.0f µs a transaction), %d MiB of memory, %d MiB on disk; %d messages dropped, %d host faults",
			i, n.Height, n.CPUSeconds, n.CPUSeconds*1e6/float64(max(1, r.CommittedTx)), n.RSSBytes>>20, n.DiskBytes>>20, n.DroppedMessages, n.HostFaults)
	}
	if n := r.Refused() + r.LostTx + r.UnsentTx + r.FailedTx; n > 0 {
		s.say("%d not committed: %d refused, %d lost, %d unsent, %d failed; such as: %s", n, r.Refused(), r.LostTx, r.UnsentTx, r.FailedTx, result.Text)
	}
	if result.Disagreement != "" {
		s.say("the nodes disagree: %s", result.Disagreement)
	}
}
