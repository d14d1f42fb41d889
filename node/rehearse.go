package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
)

// maxDifferences bounds what a rehearsal lists.
const maxDifferences = 100

// defaultRehearsal is how many blocks a rehearsal runs where nobody says.
const defaultRehearsal = 100

// RehearseOptions say which module runs on which blocks.
type RehearseOptions struct {
	Home   string
	Config *config.Config
	Module []byte
	// Engine is the number of the engine that it runs under; 0: that of the newest
	// epoch.
	Engine uint32
	// Blocks is how many of the newest blocks run; 0: 100.
	Blocks uint64
}

// RehearseReport compares a module with those that executed the blocks.
type RehearseReport struct {
	executor.Report
	// From is above To where there was no block to run on.
	From         uint64 `json:"from"`
	To           uint64 `json:"to"`
	Transactions uint64 `json:"transactions"`
	// Same says that every block gave the same state and receipts.
	Same bool `json:"same"`
	// Failed counts blocks that fail with the module, and did not before.
	Failed uint64 `json:"failed_blocks"`
	// GasBefore and GasAfter are sums over the blocks.
	GasBefore   uint64       `json:"gas_before"`
	GasAfter    uint64       `json:"gas_after"`
	Differences []Difference `json:"differences"` // at most 100
}

// Difference is one thing that a module does otherwise.
type Difference struct {
	Height uint64 `json:"height"`
	What   string `json:"what"` // block, epoch, key, receipt or root
	Name   string `json:"name"` // block id, key or transaction hash in hex
	Before string `json:"before"`
	After  string `json:"after"`
}

// Rehearse runs a module on the newest blocks of a home that no node runs on, as far
// as its newest executor executed them. It
// changes nothing there.
func Rehearse(ctx context.Context, opt RehearseOptions) (report RehearseReport, err error) {
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
	if r.overlays, err = openOverlays(r.stored, 0); err != nil {
		return report, err
	}
	_, newest, err := newestEpoch(r.genesis, r.stored)
	if err != nil {
		return report, err
	}
	if opt.Engine == 0 {
		opt.Engine = newest.Engine
	}
	return (&rehearsal{stored: r.stored, overlays: r.overlays, modules: r.modules}).wasm(ctx, opt.Module, opt.Engine, opt.Blocks)
}

// rehearsal runs a module on the newest blocks that the present executor executed,
// each on the stored state before it, beside that one. It runs in the instances of queries, so that
// it may go on beside a node, and keeps nothing. // rule: module-ready
type rehearsal struct {
	stored   *storage.Store
	overlays *state.Overlays
	modules  *moduleStore
}

// rehearsal is one on this node's blocks, while it runs.
func (n *Node) rehearsal() *rehearsal {
	return &rehearsal{stored: n.store, overlays: n.execution.overlays, modules: n.modules}
}

// wasm checks a file, and rehearses it if it is accepted.
func (r *rehearsal) wasm(ctx context.Context, wasm []byte, engine uint32, blocks uint64) (RehearseReport, error) {
	var report RehearseReport
	store, err := r.modules.of(engine)
	if err != nil {
		return report, err
	}
	report.Report, report.Differences = store.Inspect(wasm), []Difference{}
	if !report.Accepted {
		return report, nil
	}
	candidate, err := store.Compile(wasm)
	if err != nil {
		return report, err
	}
	return report, r.run(ctx, candidate, blocks, &report)
}

// run rehearses a compiled module.
func (r *rehearsal) run(ctx context.Context, candidate *executor.Module, blocks uint64, report *RehearseReport) error {
	if blocks == 0 {
		blocks = defaultRehearsal
	}
	tip, floors := r.stored.Tip(), r.stored.Floors()
	report.To, report.Same = tip, true
	report.From = max(1, tip-min(tip, blocks)+1, floors.Blocks, floors.State+1)
	present, err := r.epochOf(tip)
	if err != nil {
		return err
	}
	for height := report.From; height <= report.To; height++ {
		epoch, err := r.epochOf(height)
		if err == nil && (epoch.ExecutorHash != present.ExecutorHash || epoch.Engine != present.Engine) {
			report.From = height + 1 // what an earlier one left may be of another schema
			continue
		}
		if err == nil {
			err = r.block(ctx, height, epoch, candidate, report)
		}
		var pruned *storage.PrunedError
		if errors.As(err, &pruned) && height == report.From {
			report.From++ // pruned meanwhile
			continue
		}
		if err != nil {
			return fmt.Errorf("rehearse block %d: %w", height, err)
		}
	}
	return nil
}

// epochOf is the epoch of a stored block.
func (r *rehearsal) epochOf(height uint64) (*types.Epoch, error) {
	number := uint64(1)
	if height > 0 {
		block, err := r.stored.Block(height)
		if err != nil {
			return nil, err
		}
		number = block.Header.Epoch
	}
	start, err := r.stored.EpochStart(number)
	if err != nil {
		return nil, err
	}
	return &start.Epoch, nil
}

// block runs one block with both modules.
func (r *rehearsal) block(ctx context.Context, height uint64, epoch *types.Epoch, candidate *executor.Module, report *RehearseReport) error {
	block, err := r.stored.Block(height)
	if err != nil {
		return err
	}
	present, err := r.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	if err != nil {
		return err
	}
	before, err := r.runOn(ctx, epoch, block, present)
	if err != nil {
		return err
	}
	after, err := r.runOn(ctx, epoch, block, candidate)
	if err != nil {
		return err
	}
	report.Transactions += uint64(len(block.Payload))
	report.GasBefore += before.GasUsed
	report.GasAfter += after.GasUsed
	if before.Success && !after.Success {
		report.Failed++
	}
	for _, d := range differences(height, block, before, after) {
		report.Same = false
		if len(report.Differences) < maxDifferences {
			report.Differences = append(report.Differences, d)
		}
	}
	return nil
}

func (r *rehearsal) runOn(ctx context.Context, epoch *types.Epoch, block *types.Block, module *executor.Module) (*executor.Result, error) {
	ref, err := r.stored.StateRef(block.Header.Height - 1)
	if err != nil {
		return nil, err
	}
	view, err := r.overlays.ViewAt(ref)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	return module.Simulate(ctx, view, &executor.Block{ID: block.ID(), Parent: state.BlockID(block.Header.Parent),
		Context: blockContext(epoch, &block.Header, block.Evidence), Transactions: block.Payload,
		Rehearsed: module.Hash() != epoch.ExecutorHash || module.Engine().Limits().Engine != epoch.Engine})
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
	if x, y := changeText(before), changeText(after); x != y {
		out = append(out, Difference{height, "epoch", block.ID().String(), x, y})
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
	if len(out) == 0 && before.StateRoot != after.StateRoot {
		out = append(out, Difference{height, "root", block.ID().String(), hex.EncodeToString(before.StateRoot[:]), hex.EncodeToString(after.StateRoot[:])})
	}
	return out
}

// changeText is the epoch change that a block asks for, in short.
func changeText(r *executor.Result) string {
	c := r.EpochChange
	if c == nil {
		return "goes on"
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
	if err != nil {
		return "cannot be encoded: " + err.Error()
	}
	return fmt.Sprintf("ends: executor %x, engine %d, %d validators (%s)", c.ExecutorHash, c.Engine, len(c.Validators), types.SumHash(encoded))
}

func written(s string) string {
	if s == "" {
		return "not written"
	}
	return s
}
