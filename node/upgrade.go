package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/membership"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

const (
	// upgradeInterval is how often the state is asked for what it schedules.
	upgradeInterval = 2 * time.Second
	// readyBlocks is how many of the newest blocks a scheduled module is rehearsed on.
	readyBlocks = 32
	// readyAgain is how long after a fault of this node a module is tried again.
	readyAgain = 10 * time.Second
	// rehearseAgain is how long after a module failed on a block it is rehearsed on
	// newer ones: those of a migration say nothing of what comes after it.
	rehearseAgain = time.Minute
)

// Short names of how far a node is with a module.
const (
	moduleMissing    = nodev1.ModuleReadiness_MODULE_READINESS_MISSING
	moduleRehearsing = nodev1.ModuleReadiness_MODULE_READINESS_REHEARSING
	moduleUnready    = nodev1.ModuleReadiness_MODULE_READINESS_UNREADY
	moduleReady      = nodev1.ModuleReadiness_MODULE_READINESS_READY
	moduleAnnounced  = nodev1.ModuleReadiness_MODULE_READINESS_ANNOUNCED
)

// upgrades follows what the state schedules: the module is brought, checked,
// compiled and rehearsed long before its epoch. Every node does so; a validator's
// also says when it is done (membership.ModuleReady). // rule: module-ready
type upgrades struct {
	identity ledger.ID
	query    func(ctx context.Context, path string) (membership.Row, error)
	// module gives the compiled module, from peers if need be; rehearse runs it on
	// the newest blocks.
	module   func(ctx context.Context, hash types.Hash, engine uint32) (*executor.Module, error)
	rehearse func(ctx context.Context, m *executor.Module) (RehearseReport, error)
	log      *slog.Logger

	mu        sync.Mutex
	scheduled *ledger.Upgrade
	self      ledger.ID // the validator whose identity this is; zero: none
	readiness nodev1.ModuleReadiness
	reason    string
	cancel    context.CancelFunc // of the work on what is scheduled
	done      chan struct{}
}

func newUpgrades(n *Node) *upgrades {
	return &upgrades{
		identity: ledger.ID(n.network.Self()), query: n.queryLedger, module: n.modules.Kept, log: n.log,
		rehearse: func(ctx context.Context, m *executor.Module) (report RehearseReport, err error) {
			return report, n.rehearsal().run(ctx, m, readyBlocks, &report)
		},
	}
}

// run follows until ctx ends.
func (u *upgrades) run(ctx context.Context) error {
	ticker := time.NewTicker(upgradeInterval)
	defer ticker.Stop()
	defer u.stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := u.round(ctx); err != nil && ctx.Err() == nil {
			u.log.Warn("what the state schedules is not known", "error", err)
		}
	}
}

// round looks at the newest state, and begins or ends work by it.
func (u *upgrades) round(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, upgradeInterval)
	defer cancel()
	scheduled, self, err := u.read(within)
	if err != nil {
		return err
	}
	u.mu.Lock()
	before := u.scheduled
	same := before == scheduled || before != nil && scheduled != nil &&
		before.Executor == scheduled.Executor && before.Engine == scheduled.Engine && before.At == scheduled.At
	if same {
		u.scheduled, u.self = scheduled, self // others' readiness may be new
	}
	u.mu.Unlock()
	if same {
		return nil
	}
	// What was found out of the former module is never said of this one.
	u.stop()
	u.mu.Lock()
	u.scheduled, u.self = scheduled, self
	u.mu.Unlock()
	if scheduled == nil {
		u.log.Info("nothing is scheduled any more", "executor", before.Executor)
		return nil
	}
	u.log.Info("an upgrade is scheduled", "executor", scheduled.Executor, "engine", scheduled.Engine,
		"not_before", scheduled.NotBefore, "not_after", scheduled.NotAfter)
	u.start(ctx, types.Hash(scheduled.Executor), scheduled.Engine)
	return nil
}

// read asks the state. An executor without these queries schedules nothing.
func (u *upgrades) read(ctx context.Context) (*ledger.Upgrade, ledger.ID, error) {
	row, err := u.query(ctx, "upgrade")
	if err != nil || row.Code != 0 || row.Absent {
		return nil, ledger.ID{}, err
	}
	scheduled, err := ledger.DecodeUpgrade(row.Value)
	if err != nil {
		return nil, ledger.ID{}, nil // another executor's, with a query of that name
	}
	row, err = u.query(ctx, "key_holder/"+u.identity.String())
	if err != nil || row.Code != 0 || row.Absent {
		return &scheduled, ledger.ID{}, err
	}
	self, err := ledger.DecodeHolder(row.Value)
	return &scheduled, self, err
}

// start begins to get ready for a module.
func (u *upgrades) start(ctx context.Context, hash types.Hash, engine uint32) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	u.mu.Lock()
	u.readiness, u.reason, u.cancel, u.done = moduleMissing, "asking peers", cancel, done
	u.mu.Unlock()
	go func() {
		defer close(done)
		u.prepare(ctx, hash, engine)
	}()
}

// stop ends that, and waits for its end.
func (u *upgrades) stop() {
	u.mu.Lock()
	cancel, done := u.cancel, u.done
	u.cancel, u.done = nil, nil
	u.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-done
	u.set(0, "")
}

func (u *upgrades) set(r nodev1.ModuleReadiness, reason string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.readiness, u.reason = r, reason
}

// prepare gets ready, or finds out why not.
func (u *upgrades) prepare(ctx context.Context, hash types.Hash, engine uint32) {
	for {
		readiness, reason, again := u.try(ctx, hash, engine)
		if ctx.Err() != nil {
			return
		}
		u.set(readiness, reason)
		level := slog.LevelInfo
		if readiness != moduleReady {
			level = slog.LevelWarn
		}
		u.log.Log(ctx, level, "scheduled module", "executor", hash, "engine", engine, "readiness", readiness, "reason", reason)
		if again == 0 {
			return
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
	}
}

// try goes through the steps once; again says when to do so anew, 0: never.
func (u *upgrades) try(ctx context.Context, hash types.Hash, engine uint32) (r nodev1.ModuleReadiness, reason string, again time.Duration) {
	module, err := u.module(ctx, hash, engine)
	var refused *executor.RefusedError
	switch {
	case errors.Is(err, executor.ErrNoEngine):
		return moduleUnready, err.Error(), 0
	case errors.As(err, &refused):
		return moduleUnready, err.Error(), 0
	case err != nil:
		return moduleMissing, err.Error(), readyAgain
	}
	u.set(moduleRehearsing, fmt.Sprintf("runs on the newest %d blocks", readyBlocks))
	report, err := u.rehearse(ctx, module)
	if err != nil {
		return moduleUnready, "it could not be rehearsed: " + err.Error(), readyAgain
	}
	blocks := fmt.Sprintf("rehearsed on blocks %d to %d", report.From, report.To)
	if report.From > report.To { // its state came without blocks: those that follow will do
		return moduleRehearsing, "there is no block here yet that the present module executed and whose state before is kept (storage.keep_states)", readyAgain
	}
	if report.Failed > 0 {
		i := slices.IndexFunc(report.Differences, func(d Difference) bool { return d.What == "block" })
		why := ""
		if i >= 0 {
			why = fmt.Sprintf(", the first at height %d: %s", report.Differences[i].Height, report.Differences[i].After)
		}
		return moduleUnready, fmt.Sprintf("%s: it fails on %d that the present module executes%s", blocks, report.Failed, why), rehearseAgain
	}
	if !report.Same {
		d := report.Differences[0]
		return moduleReady, fmt.Sprintf("%s: it behaves otherwise, first at height %d: %s %s: %s, now %s", blocks, d.Height, d.What, d.Name, d.Before, d.After), 0
	}
	return moduleReady, blocks + ": the same state and receipts", 0
}

// view is what membership.ModuleReady looks at.
func (u *upgrades) view() membership.Upgrade {
	u.mu.Lock()
	defer u.mu.Unlock()
	return membership.Upgrade{Scheduled: u.scheduled, Able: u.readiness == moduleReady, Why: u.reason}
}

// status is what the node tells of it; nil: nothing is scheduled.
func (u *upgrades) status() *nodev1.UpgradeStatus {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.scheduled
	if s == nil {
		return nil
	}
	out := &nodev1.UpgradeStatus{Hash: slices.Clone(s.Executor[:]), Engine: s.Engine, NotBeforeHeight: s.NotBefore, NotAfterHeight: s.NotAfter,
		Readiness: u.readiness, Reason: u.reason}
	for i := range s.Ready {
		out.Ready = append(out.Ready, slices.Clone(s.Ready[i][:]))
	}
	if !u.self.IsZero() && slices.Contains(s.Ready, u.self) {
		if u.readiness == moduleReady {
			out.Readiness = moduleAnnounced
		} else { // said before a restart, on another chain volume or by another program
			out.Reason = "the ledger has it as ready, and this node is not: " + out.Reason
		}
	}
	return out
}
