package sim

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/task/deterministic"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Sources of chance, so that one more draw in one of them moves no other.
const (
	randNetwork = iota + 1
	randFaults
	randNodes
	randLoad
)

// world is one run.
type world struct {
	plan    Plan
	s       *deterministic.Scheduler
	scheme  types.Scheme
	genesis types.Hash
	epoch   types.Epoch
	timing  consensus.Timing
	nodes   []*node
	net     *network
	process *deterministic.Process
	hooks   Hooks
	checks  *checks
	faults  *rand.Rand
	chance  *rand.Rand // of the nodes' disks and executors
	healed  bool
	log     *slog.Logger
	result  Result
	traced  bool
	trace   []Event
}

// Run runs a plan. The error names the seed, what was violated, and when.
func Run(p Plan) (Result, error) { return run(p, slog.New(slog.DiscardHandler)) }

// RunLogged is Run with the nodes' logs, in virtual time.
func RunLogged(p Plan, log *slog.Logger) (Result, error) { return run(p, log) }

func run(p Plan, log *slog.Logger) (Result, error) {
	w, err := newWorld(p, log)
	if err != nil {
		return Result{}, err
	}
	return w.run()
}

func newWorld(p Plan, log *slog.Logger) (*world, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	scheme, err := p.scheme()
	if err != nil {
		return nil, err
	}
	s := deterministic.New(deterministic.Config{Seed: p.Seed, Stuck: 5 * time.Minute})
	w := &world{plan: p, s: s, scheme: scheme, genesis: types.SumHash([]byte("simulated genesis")),
		timing: consensus.DevnetTiming(), faults: s.Rand(randFaults), chance: s.Rand(randNodes), log: slog.New(virtualTime{log.Handler(), s}), result: Result{Seed: p.Seed}}
	if p.Conduct != nil {
		w.hooks = p.Conduct(&World{w})
	}
	if w.hooks.Timing != nil {
		w.hooks.Timing(&w.timing)
	}
	if err := w.people(); err != nil {
		return nil, err
	}
	set, err := types.NewValidatorSet(w.genesis, w.epoch, w.scheme)
	if err != nil {
		return nil, fmt.Errorf("validators of the simulation: %w", err)
	}
	w.checks = newChecks(w, set)
	w.net = newNetwork(w)
	return w, nil
}

func (w *world) run() (Result, error) {
	s := w.s
	err := s.Run(w.main)
	w.result.Fingerprint = hex.EncodeToString(fingerprint(s))
	w.result.Virtual, w.result.Switches, w.result.Height = s.Elapsed(), s.Switches(), w.checks.lowest()
	w.result.Epochs = uint64(len(w.checks.sets) - 1)
	if err != nil {
		return w.result, fmt.Errorf("seed %d, %d nodes, after %s: %w", w.plan.Seed, w.plan.Nodes, s.Elapsed(), err)
	}
	return w.result, nil
}

func fingerprint(s *deterministic.Scheduler) []byte {
	f := s.Fingerprint()
	return f[:16]
}

// people makes the validators.
func (w *world) people() error {
	w.epoch = types.Epoch{Number: 1, Scheme: w.scheme.ID(), Engine: 1, MaxBytes: 1 << 20, MaxGas: 1 << 20, ExecutorHash: types.SumHash([]byte("simulated machine"))}
	for i := range w.plan.Nodes {
		n, err := newNode(w, i, i)
		if err != nil {
			return fmt.Errorf("make validator %d: %w", i, err)
		}
		w.nodes = append(w.nodes, n)
		w.epoch.Validators = append(w.epoch.Validators, types.Validator{ConsensusKey: n.key.Public(), NetworkKey: n.id, Power: w.power(1, i), Possession: n.key.Possession()})
	}
	w.bound(w.epoch.Validators)
	for _, v := range w.hooks.Twins {
		n, err := newNode(w, len(w.nodes), v)
		if err != nil {
			return fmt.Errorf("make the twin of validator %d: %w", v, err)
		}
		w.nodes = append(w.nodes, n)
	}
	for _, n := range w.nodes {
		if err := n.born(); err != nil {
			return fmt.Errorf("make the volumes of validator %d: %w", n.index, err)
		}
	}
	return nil
}

// power is a validator's in an epoch.
func (w *world) power(epoch uint64, i int) uint64 {
	if !w.plan.Unequal && epoch == 1 || w.plan.hurts() && i == w.hurtIndex() && w.hooks.Faulty == nil {
		return 1 // the others are a quorum without the hurt one
	}
	h := types.SumHash(fmt.Appendf(nil, "power %d %d %d", w.plan.Seed, epoch, i))
	return 1 + uint64(h[0])%5
}

// next is the epoch after one, in which all that changes is who has which power.
func (w *world) next(present *types.Epoch) *types.Epoch {
	next := *present
	next.Number++
	next.Validators = slices.Clone(present.Validators)
	for i := range next.Validators {
		next.Validators[i].Power = w.power(next.Number, i)
	}
	w.bound(next.Validators)
	return &next
}

// genesisOutcome is that of height 0.
func (w *world) genesisOutcome() types.Outcome {
	return types.Outcome{Block: w.genesis, StateRoot: ledger{}.root(), ReceiptsRoot: types.ListRoot(nil),
		NextEpoch: w.epoch.Digest(), FailedRun: types.NoFailedRun}
}

// main is the run: faults, then healing.
func (w *world) main() {
	ctx, over := context.WithCancel(context.Background())
	defer over()
	p := w.s.Process("world")
	w.process = p
	if w.hooks.Started != nil {
		w.hooks.Started()
	}
	for _, n := range w.nodes {
		p.Go(fmt.Sprint("supervisor of node ", n.index), n.supervise)
	}
	p.Go("load", func() { w.load(ctx, p.Runtime()) })
	calm := w.startFaults(p)
	w.s.Sleep(w.plan.Faulty)
	w.healed = true
	w.net.heal()
	w.s.Await(calm)
	from := w.s.Elapsed()
	w.tell("the last fault is over, height %d is final", w.checks.highest())
	w.advance()
	w.result.Healed = w.s.Elapsed() - from
	w.watch()
	w.checks.end()
}

// advance waits until every node has committed new blocks, with transactions, and has
// voted again, and no longer than it may.
func (w *world) advance() {
	from := w.s.Elapsed()
	top, executed, late := w.checks.highest(), w.checks.executed, false
	bound := w.plan.Heal + 2*w.plan.SlowRun*time.Duration(top-w.checks.lowest()) // who is behind executes what it lacks
	w.s.Call(bound, func() { late = true })
	w.s.Await(func() bool { return late || w.checks.highest() > top })
	w.result.FirstCommit = w.s.Elapsed() - from
	w.s.Await(func() bool {
		return late || w.checks.lowest() >= top+progress && w.checks.executed > executed && w.checks.signing(top)
	})
	if late {
		w.s.Fail(&Violation{Rule: "progress", What: fmt.Sprintf("no progress: %s after the last fault not every node has %d blocks more than the %d that were final, with transactions (%d), and has voted again\n%s%s",
			bound, progress, top, w.checks.executed-executed, w.checks.silent(top), w.standing())})
	}
}

// BaseTimeout is how long the timer of a view runs in which nothing went wrong before.
func BaseTimeout() time.Duration {
	return time.Duration(consensus.DevnetTiming().BaseMs) * time.Millisecond
}

// watch lets the run go on with nothing wrong.
func (w *world) watch() {
	if h := w.hooks.Calm; h != nil {
		h()
	}
	for left := w.plan.Watch; left > 0 && w.s.Failed() == nil; left -= w.plan.Heal {
		before := w.checks.lowest()
		w.s.Sleep(min(left, w.plan.Heal))
		if left > w.plan.Heal && w.checks.lowest() == before {
			w.s.Fail(&Violation{Rule: "progress", What: fmt.Sprintf("no progress: in %s with nothing wrong not every node has a block above the %d that it had\n%s", w.plan.Heal, before, w.standing())})
		}
	}
	if h := w.hooks.Over; h != nil {
		if err := h(); err != nil {
			w.s.Fail(fmt.Errorf("%w\n%s", err, w.standing()))
		}
	}
}

// progress is how many blocks more than the highest told every node must commit.
const progress = 5

// standing says where each node is.
func (w *world) standing() string {
	text := ""
	for _, n := range w.nodes {
		text += n.standing() + "\n"
	}
	return text
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(rng.Int64N(int64(most-least)))
}
