package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// write prints the tables as docs/performance.md has them.
func (r *result) write(w io.Writer) {
	fmt.Fprintf(w, "Microseconds of a processor a transfer and validator, blocks of %d transfers, state in RocksDB:\n\n", r.settings.transfers)
	r.row(w, "part", func(p *phases) string { return fmt.Sprintf("%s accounts", grouped(p.accounts)) })
	fmt.Fprintf(w, "| --- |%s\n", strings.Repeat(" ---: |", len(r.phases)))
	us := func(sum func(*phases) time.Duration) func(*phases) string {
		return func(p *phases) string { return fmt.Sprintf("%.1f", perTransfer(sum(p), p.transfers)) }
	}
	number := func(format string, value func(*phases) float64) func(*phases) string {
		return func(p *phases) string { return fmt.Sprintf(format, value(p)) }
	}
	r.row(w, "decode", us(func(p *phases) time.Duration { return p.decode }))
	r.row(w, "verify (signatures)", us(func(p *phases) time.Duration { return p.verify }))
	r.row(w, "execute", us(func(p *phases) time.Duration { return p.execute }))
	r.row(w, "tree", us(func(p *phases) time.Duration { return p.tree }))
	r.row(w, "of execute and tree: reading rows and pages", us(func(p *phases) time.Duration { return p.reads }))
	r.row(w, "commit batch, with its sync", us(func(p *phases) time.Duration { return p.commit }))
	r.row(w, "vote log, both votes, body included", us(func(p *phases) time.Duration { return p.votes }))
	r.row(w, "background: flush, compaction, Go's collector", us(func(p *phases) time.Duration { return p.background }))
	hop := func(d time.Duration) func(*phases) string {
		return func(*phases) string { return fmt.Sprintf("%.1f", perTransfer(d, r.hops.transfers)) }
	}
	r.row(w, "network: its block from one host to another, both sides", hop(r.hops.block))
	r.row(w, "network: itself by gossip from one host to another, both sides", hop(r.hops.gossip))
	r.row(w, "host calls a block", number("%.0f", func(p *phases) float64 { return p.hostCalls }))
	size := float64(r.settings.transfers)
	r.row(w, "fsyncs a block: database, vote log", func(p *phases) string { return fmt.Sprintf("%.0f, %.0f", p.storeSyncs, p.voteSyncs) })
	r.row(w, "fsyncs a transfer", number("%.4f", func(p *phases) float64 { return (p.storeSyncs + p.voteSyncs) / size }))
	r.row(w, "bytes a transfer: commit batch", number("%.0f", func(p *phases) float64 { return p.batchBytes }))
	r.row(w, "bytes a transfer: vote log", number("%.0f", func(p *phases) float64 { return p.voteBytes }))
	r.row(w, "bytes a transfer: written to the device", number("%.0f", func(p *phases) float64 { return p.deviceBytes }))

	fmt.Fprintf(w, "\nA vote's write and syncs, one vote every %s, %s accounts:\n\n", voteEvery, grouped(r.settings.accounts[len(r.settings.accounts)-1]))
	rate := float64(steadyTransfers) / steadyEvery.Seconds()
	writeLatencies(w, []named{{"idle", r.votes.idle}, {fmt.Sprintf("while %s transfers a second are executed and committed", grouped(int(rate))), r.votes.steady},
		{"while blocks are executed at full speed", r.votes.executing}, {"while blocks are executed and committed at full speed", r.votes.committing}})
}

// named is a latency and what was done meanwhile.
type named struct {
	name string
	latency
}

// writeLatencies prints latencies, and what each is to the first.
func writeLatencies(w io.Writer, list []named) {
	fmt.Fprintf(w, "| | votes | p50 | p99 | to idle | by the device: p50 | p99 | to idle |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	ratio := func(of, to time.Duration) float64 { return float64(of) / float64(max(1, to)) }
	for _, l := range list {
		fmt.Fprintf(w, "| %s | %d | %.2f ms | %.2f ms | %.2f | %.2f ms | %.2f ms | %.2f |\n", l.name, l.samples,
			milliseconds(l.p50), milliseconds(l.p99), ratio(l.p99, list[0].p99),
			milliseconds(l.deviceP50), milliseconds(l.deviceP99), ratio(l.deviceP99, list[0].deviceP99))
	}
}

// writeTurns prints the turn whose ratio at p99 is in the middle.
func writeTurns(w io.Writer, turns []turn) {
	ratio := func(t turn) float64 { return float64(t.committing.p99) / float64(max(1, t.idle.p99)) }
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(ratio(a), ratio(b)) })
	middle := turns[len(turns)/2]
	fmt.Fprintf(w, "A vote's write and syncs, one vote every %s, the middle one of %d turns (ratios %.1f to %.1f):\n\n",
		voteEvery, len(turns), ratio(turns[0]), ratio(turns[len(turns)-1]))
	writeLatencies(w, []named{{"idle", middle.idle}, {"while blocks of 5,000 transfers are committed at full speed", middle.committing}})
}

func (r *result) row(w io.Writer, name string, cell func(*phases) string) {
	fmt.Fprintf(w, "| %s |", name)
	for _, p := range r.phases {
		fmt.Fprintf(w, " %s |", cell(p))
	}
	fmt.Fprintln(w)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// grouped writes a number with a comma between thousands.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
