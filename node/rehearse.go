package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/types"
)

// maxDifferences bounds what a rehearsal lists.
const maxDifferences = 100

// RehearseOptions say which module runs on which blocks.
type RehearseOptions struct {
	Home   string
	Config *config.Config
	Module []byte
	// Blocks is how many of the newest blocks run; 0: 100.
	Blocks uint64
}

// RehearseReport compares a module with those that executed the blocks.
type RehearseReport struct {
	executor.Report
	From         uint64 `json:"from"`
	To           uint64 `json:"to"`
	Transactions uint64 `json:"transactions"`
	// Same says that every block gave the same state and receipts.
	Same bool `json:"same"`
	// GasBefore and GasAfter are sums over the blocks.
	GasBefore   uint64       `json:"gas_before"`
	GasAfter    uint64       `json:"gas_after"`
	Differences []Difference `json:"differences"` // at most 100
}

// Difference is one thing that a module does otherwise.
type Difference struct {
	Height uint64 `json:"height"`
	What   string `json:"what"` // block, key or receipt
	Name   string `json:"name"` // key or transaction hash in hex
	Before string `json:"before"`
	After  string `json:"after"`
}

// Rehearse runs a module on the newest blocks of a home that no node runs on, each
// on the stored state before it, beside the module that executed it. It changes
// nothing there. // rule: module-ready
func Rehearse(ctx context.Context, opt RehearseOptions) (report RehearseReport, err error) {
	if opt.Blocks == 0 {
		opt.Blocks = 100
	}
	// From above 1 nothing is built up: the stored state is read.
	r := &replayer{opt: ReplayOptions{Home: opt.Home, Config: opt.Config, From: 2}}
	closers, err := r.open()
	defer func() {
		for i := len(closers) - 1; i >= 0; i-- {
			err = errors.Join(err, closers[i]())
		}
	}()
	if err != nil {
		return report, err
	}
	host, err := executor.NewEngine(executor.Options{Number: r.modules.engine})
	if err != nil {
		return report, err
	}
	report.Report = host.Inspect(opt.Module)
	report.Differences = []Difference{}
	tip := r.stored.Tip()
	if !report.Accepted || tip == 0 {
		return report, nil
	}
	candidate, err := host.Load(opt.Module)
	if err != nil {
		return report, err
	}
	report.To, report.From = tip, max(1, tip-min(tip, opt.Blocks)+1)
	outcome, err := r.stored.Outcome(tip)
	if err != nil {
		return report, err
	}
	ref, err := r.stored.StateRef(tip)
	if err != nil {
		return report, err
	}
	r.overlays = state.NewOverlays(r.stored, state.BlockID(outcome.Block), ref, nil)
	report.Same = true
	for height := report.From; height <= report.To; height++ {
		if err := r.rehearse(ctx, height, candidate, &report); err != nil {
			return report, fmt.Errorf("rehearse block %d: %w", height, err)
		}
	}
	return report, nil
}

// rehearse runs one block with both modules.
func (r *replayer) rehearse(ctx context.Context, height uint64, candidate *executor.Module, report *RehearseReport) error {
	block, err := r.stored.Block(height)
	if err != nil {
		return err
	}
	start, err := r.stored.EpochStart(block.Header.Epoch)
	if err != nil {
		return err
	}
	present, err := r.modules.Module(ctx, start.Epoch.ExecutorHash, start.Epoch.Engine)
	if err != nil {
		return err
	}
	before, err := r.runOn(ctx, &start.Epoch, block, present)
	if err != nil {
		return err
	}
	epoch := start.Epoch
	epoch.ExecutorHash = candidate.Hash()
	after, err := r.runOn(ctx, &epoch, block, candidate)
	if err != nil {
		return err
	}
	report.Transactions += uint64(len(block.Payload))
	report.GasBefore += before.GasUsed
	report.GasAfter += after.GasUsed
	if before.Success == after.Success && before.StateRoot == after.StateRoot && before.ReceiptsRoot == after.ReceiptsRoot {
		return nil
	}
	report.Same = false
	for _, d := range differences(height, block, before, after) {
		if len(report.Differences) < maxDifferences {
			report.Differences = append(report.Differences, d)
		}
	}
	return nil
}

func (r *replayer) runOn(ctx context.Context, epoch *types.Epoch, block *types.Block, module *executor.Module) (*executor.Result, error) {
	ref, err := r.stored.StateRef(block.Header.Height - 1)
	if err != nil {
		return nil, err
	}
	view, err := r.overlays.ViewAt(ref)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	return module.Execute(ctx, view, &executor.Block{ID: block.ID(), Parent: state.BlockID(block.Header.Parent),
		Context: blockContext(epoch, &block.Header, block.Evidence), Transactions: block.Payload})
}

// differences lists what two executions of one block did otherwise.
func differences(height uint64, block *types.Block, before, after *executor.Result) (out []Difference) {
	verdict := func(r *executor.Result) string {
		if r.Success {
			return "executed"
		}
		return "failed: " + r.FailureReason
	}
	if before.Success != after.Success {
		return []Difference{{height, "block", block.ID().String(), verdict(before), verdict(after)}}
	}
	for i := range min(len(before.Receipts), len(after.Receipts)) {
		a, b := &before.Receipts[i], &after.Receipts[i]
		if x, y := a.Append(nil), b.Append(nil); !bytes.Equal(x, y) {
			text := func(code uint32, gas uint64) string { return fmt.Sprintf("code %d, gas %d", code, gas) }
			out = append(out, Difference{height, "receipt", hex.EncodeToString(a.TxHash[:]), text(a.Code, a.GasUsed), text(b.Code, b.GasUsed)})
		}
	}
	wrote := map[string][2]string{}
	for i, r := range []*executor.Result{before, after} {
		for _, w := range r.Overlay.WriteSet().Values {
			pair := wrote[string(w.Key)]
			pair[i] = "0x" + hex.EncodeToString(w.Value)
			if w.Tombstone {
				pair[i] = "deleted"
			}
			wrote[string(w.Key)] = pair
		}
	}
	keys := make([]string, 0, len(wrote))
	for k, pair := range wrote {
		if pair[0] != pair[1] {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		out = append(out, Difference{height, "key", hex.EncodeToString([]byte(k)), written(wrote[k][0]), written(wrote[k][1])})
	}
	return out
}

func written(s string) string {
	if s == "" {
		return "not written"
	}
	return s
}
