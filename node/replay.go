package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
)

// ReplayOptions say which blocks are executed again.
type ReplayOptions struct {
	Home   string
	Config *config.Config
	// From and To are heights; 0: the first, the tip. From height 1 everything is
	// built up in a fresh store; from above it each block runs on the stored state
	// before it.
	From, To uint64
	// WitnessDir gets a file for each block, HEIGHT.witness; empty: none.
	WitnessDir string
	// Progress is called now and then with the height reached.
	Progress func(height, to uint64)
}

// ReplayReport is what came of it.
type ReplayReport struct {
	From         uint64 `json:"from"`
	To           uint64 `json:"to"`
	Blocks       uint64 `json:"blocks"`
	Transactions uint64 `json:"transactions"`
	FailedBlocks uint64 `json:"failed_blocks"`
	Fresh        bool   `json:"fresh"` // built up from genesis
	// FinalOutcome is the hash of the last outcome, which all others are in.
	FinalOutcome string `json:"final_outcome"`
}

// ErrReplayDiffers says that a block gave another outcome than the one stored.
var ErrReplayDiffers = errors.New("execution gives another outcome than the one stored")

// replayer holds what one replay works with.
type replayer struct {
	opt     ReplayOptions
	genesis *genesis.Genesis
	stored  *storage.Store
	fresh   *storage.Store // nil where the stored state is used
	modules *moduleStore

	overlays *state.Overlays
	held     []storage.Final // executed, waiting for a certificate
	parent   types.Outcome
	report   ReplayReport
}

// Replay executes the blocks of a home that no node runs on, and compares every
// outcome with the stored one. It changes nothing there.
func Replay(ctx context.Context, opt ReplayOptions) (report ReplayReport, err error) {
	r := &replayer{opt: opt}
	closers, err := r.open()
	defer func() {
		for i := len(closers) - 1; i >= 0; i-- {
			err = errors.Join(err, closers[i]())
		}
	}()
	if err != nil {
		return r.report, err
	}
	if err := r.begin(ctx); err != nil {
		return r.report, err
	}
	for height := r.report.From; height <= r.report.To; height++ {
		if err := ctx.Err(); err != nil {
			return r.report, err
		}
		if err := r.block(ctx, height); err != nil {
			return r.report, fmt.Errorf("replay block %d: %w", height, err)
		}
		if opt.Progress != nil && (height%256 == 0 || height == r.report.To) {
			opt.Progress(height, r.report.To)
		}
	}
	r.report.FinalOutcome = r.parent.Hash().String()
	return r.report, nil
}

func (r *replayer) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.opt.Home, p)
}

// open opens the stored chain and its modules.
func (r *replayer) open() (closers []func() error, err error) {
	cfg := r.opt.Config
	if r.genesis, err = genesis.Load(r.path(cfg.Genesis.File)); err != nil {
		return closers, err
	}
	data, unsafe := r.path(cfg.Dirs.Data), cfg.Dirs.FileSystems == "allow-unsafe"
	if _, err := os.Stat(filepath.Join(data, "db")); err != nil {
		return closers, fmt.Errorf("%s holds no database: start the node once, or name its home: %w", data, err)
	}
	r.stored, err = storage.Open(filepath.Join(data, "db"), storage.Options{Genesis: r.genesis.Hash(), AllowUnsafeFileSystem: unsafe, BallastBytes: -1, NoVoteLog: true})
	if err != nil {
		return closers, err
	}
	closers = append(closers, r.stored.Close)
	options := executor.Options{Number: r.genesis.Engine, CheckEpoch: func(p *executorv1.EpochParams) error {
		scheme, err := types.SchemeByName(r.genesis.Scheme)
		if err != nil {
			return err
		}
		return types.CheckEpochChange(nextEpoch(&types.Epoch{Scheme: scheme.ID()}, p), scheme)
	}}
	if r.modules, err = openModules(filepath.Join(data, "modules"), "", options, r.stored); err != nil {
		return closers, err
	}
	if r.opt.From > 1 {
		return closers, nil
	}
	scratch, err := os.MkdirTemp("", "bedrock-replay-")
	if err != nil {
		return closers, fmt.Errorf("make a fresh store: %w", err)
	}
	closers = append(closers, func() error { return os.RemoveAll(scratch) })
	r.fresh, err = storage.Open(scratch, storage.Options{Genesis: r.genesis.Hash(), AllowUnsafeFileSystem: true, BallastBytes: -1, NoVoteLog: true})
	if err != nil {
		return closers, fmt.Errorf("make a fresh store: %w", err)
	}
	return append(closers, r.fresh.Close), nil
}

// begin settles the range and the state that it starts from.
func (r *replayer) begin(ctx context.Context) error {
	r.report.From, r.report.To = max(1, r.opt.From), r.opt.To
	if r.report.To == 0 {
		r.report.To = r.stored.Tip()
	}
	if r.report.To > r.stored.Tip() || r.report.From > r.report.To {
		return fmt.Errorf("replay heights %d to %d: the home has 1 to %d", r.report.From, r.report.To, r.stored.Tip())
	}
	before := r.report.From - 1
	outcome, err := r.stored.Outcome(before)
	if err != nil {
		return fmt.Errorf("read outcome %d: %w", before, err)
	}
	r.parent = *outcome
	if r.fresh == nil {
		ref, err := r.stored.StateRef(before)
		if err != nil {
			return fmt.Errorf("read the state of height %d: %w", before, err)
		}
		r.overlays = state.NewOverlays(r.stored, state.BlockID(outcome.Block), ref, nil)
		return nil
	}
	r.report.Fresh = true
	if err := makeGenesis(ctx, r.genesis, r.modules, r.fresh); err != nil {
		return err
	}
	made, err := r.fresh.Outcome(0)
	if err != nil {
		return err
	}
	if *made != *outcome {
		return fmt.Errorf("genesis: %w: %s here, %s stored", ErrReplayDiffers, made.Hash(), outcome.Hash())
	}
	r.overlays, err = openOverlays(r.fresh, 64<<20)
	return err
}

// block executes one block and compares.
func (r *replayer) block(ctx context.Context, height uint64) error {
	block, err := r.stored.Block(height)
	if err != nil {
		return err
	}
	want, err := r.stored.Outcome(height)
	if err != nil {
		return err
	}
	result, err := r.execute(ctx, block)
	if err != nil {
		return err
	}
	if err := r.compare(block, want, result); err != nil {
		return err
	}
	r.report.Blocks++
	r.report.Transactions += uint64(len(block.Payload))
	if !result.Success {
		r.report.FailedBlocks++
	}
	r.parent = *want
	return r.keep(block, want, result)
}

// compare holds the outcome of this execution against the stored one: roots, failed
// run, and the epoch that follows.
func (r *replayer) compare(block *types.Block, want *types.Outcome, result *executor.Result) error {
	if got := types.Hash(result.StateRoot); got != want.StateRoot {
		return fmt.Errorf("%w: state root %s here, %s stored", ErrReplayDiffers, got, want.StateRoot)
	}
	if got := types.Hash(result.ReceiptsRoot); got != want.ReceiptsRoot {
		return fmt.Errorf("%w: receipts root %s here, %s stored", ErrReplayDiffers, got, want.ReceiptsRoot)
	}
	history, err := r.history(block.Header.Epoch)
	if err != nil {
		return err
	}
	execution := types.ExecutionResult{Success: result.Success, StateRoot: result.StateRoot, ReceiptsRoot: result.ReceiptsRoot}
	if result.EpochChange != nil {
		execution.Change = nextEpoch(history.Present, result.EpochChange)
	}
	if own, _ := history.NextOutcome(&r.parent, want.Height, block.ID(), execution); own != *want {
		return fmt.Errorf("%w: %+v here, %+v stored", ErrReplayDiffers, own, *want)
	}
	return nil
}

// history is what the outcomes of an epoch depend on besides their parents.
func (r *replayer) history(number uint64) (types.EpochHistory, error) {
	present, err := r.stored.EpochStart(number)
	if err != nil {
		return types.EpochHistory{}, err
	}
	h := types.EpochHistory{Present: &present.Epoch}
	if present.Certificate == nil { // the first of a genesis
		h.RootOutcome, err = r.stored.Outcome(r.genesis.Root())
		return h, err
	}
	previous, err := r.stored.EpochStart(number - 1)
	if err != nil {
		return h, err
	}
	h.Previous, h.RootOutcome = &previous.Epoch, &present.Certificate.Outcome
	return h, nil
}

func (r *replayer) execute(ctx context.Context, block *types.Block) (*executor.Result, error) {
	start, err := r.stored.EpochStart(block.Header.Epoch)
	if err != nil {
		return nil, err
	}
	epoch := &start.Epoch
	module, err := r.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	if err != nil {
		return nil, err
	}
	view, err := r.overlays.View(state.BlockID(block.Header.Parent))
	if err != nil {
		return nil, err
	}
	defer view.Close()
	job := &executor.Block{ID: block.ID(), Parent: state.BlockID(block.Header.Parent),
		Context: blockContext(epoch, &block.Header, block.Evidence), Transactions: block.Payload}
	if r.opt.WitnessDir != "" {
		job.Witness = new(executor.Witness)
	}
	result, err := module.Execute(ctx, view, job)
	if err != nil || job.Witness == nil {
		return result, err
	}
	return result, writeWitness(r.opt.WitnessDir, block.Header.Height, job.Witness, result)
}

func writeWitness(dir string, height uint64, w *executor.Witness, result *executor.Result) error {
	message, err := w.Message(result)
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%08d.witness", height)), b, 0o644); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	return nil
}

// keep moves on: the overlays take the block's writes, and the fresh store the
// block, together with those before it that no certificate names.
func (r *replayer) keep(block *types.Block, outcome *types.Outcome, result *executor.Result) error {
	if err := r.overlays.Add(result.Overlay); err != nil {
		return err
	}
	if r.fresh == nil {
		return r.overlays.Commit(state.BlockID(block.ID()))
	}
	final := storage.Final{Block: block, Outcome: *outcome, Receipts: result.Receipts, Writes: result.Overlay.WriteSet()}
	for _, ev := range block.Evidence {
		final.EvidenceHashes = append(final.EvidenceHashes, types.SumHash(ev))
	}
	if outcome.EndsEpoch() {
		next, err := r.stored.EpochStart(block.Header.Epoch + 1)
		if err != nil {
			return err
		}
		final.NextEpoch = &next.Epoch
	}
	certificate, err := r.stored.Certificate(outcome.Height)
	if err != nil {
		return err
	}
	r.held = append(r.held, final)
	if certificate.Outcome.Height != outcome.Height {
		return nil
	}
	r.held[len(r.held)-1].Certificate = certificate
	if err := r.fresh.Commit(r.held); err != nil {
		return err
	}
	for i := range r.held {
		if err := r.overlays.Commit(state.BlockID(r.held[i].Outcome.Block)); err != nil {
			return err
		}
	}
	r.held = r.held[:0]
	return nil
}
