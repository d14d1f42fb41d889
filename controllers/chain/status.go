package chain

import (
	"context"
	"fmt"
	"math"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Status is what a node says of itself. Ages are by its own monotonic clock, so
// that they compare between nodes.
type Status struct {
	ChainID  string
	Genesis  types.Hash
	Version  string
	Identity ledger.ID
	// Index is its place in the present set; -1: it is not in it.
	Index int

	Epoch       uint64
	View        uint64
	FinalHeight uint64
	FinalTimeMs uint64 // timestamp of that block
	// Target is the highest certified height that it heard of.
	Target  uint64
	Syncing bool

	// Signing says whether this process may sign, and WhyNot why not.
	Signing bool
	WhyNot  string
	// SignerBoots counts the opens of its signer volume: one that falls was rolled
	// back. // rule: boot-count
	SignerBoots uint64

	// CommitAge is the time since a height last became final there.
	CommitAge time.Duration
	// OldestWaiting is the age of the oldest transaction that the next block could
	// take; 0: none waits.
	OldestWaiting time.Duration
	// FailedViews in a row, up to the present view.
	FailedViews uint64
	Leader      int       // index of the present view's leader in the set
	LeaderKey   ledger.ID // its identity
	ViewAge     time.Duration
	// ViewTimer is the present view's, BaseTimer that of a view after a success;
	// an idle view waits IdleInterval longer.
	ViewTimer, BaseTimer, IdleInterval time.Duration

	Peers            int
	PoolTransactions int
	Started          time.Time // by the node's clock

	// Schema is that of its database; the program reads from OldestSchema on, and a
	// migration would write NewestSchema. // rule: schema-after-fleet
	Schema, OldestSchema, NewestSchema uint32

	Executor       types.Hash
	Engine         uint32
	MissingModule  string // not empty: it cannot go on without, and why it has none
	UpgradeHash    types.Hash
	UpgradeReady   []ledger.ID // validators that the state has as ready for it
	UpgradeReason  string
	UpgradeWithin  [2]uint64 // heights; 0, 0: nothing is scheduled
	UpgradeIsReady bool      // this node could run it
}

// Status implements Client.
func (n *Nodes) Status(ctx context.Context, at Endpoint) (*Status, error) {
	c, err := n.at(at)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, n.opt.Timeout)
	defer cancel()
	res, err := c.RPC().GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
	if err != nil {
		return nil, failed(at, "status", err)
	}
	s, err := statusOf(res.Msg)
	if err != nil {
		return nil, fmt.Errorf("status of %s: %w", at, err)
	}
	if s.Genesis != n.opt.Trust.Genesis {
		return nil, fmt.Errorf("status of %s: %w: its genesis hash is %s, not %s", at, ErrWrongChain, s.Genesis, n.opt.Trust.Genesis)
	}
	return s, nil
}

func statusOf(m *nodev1.GetStatusResponse) (*Status, error) {
	s := &Status{
		ChainID: m.ChainId, Version: m.Version, Index: int(m.ValidatorIndex),
		Epoch: m.Epoch, View: m.View, FinalHeight: m.FinalHeight, FinalTimeMs: m.FinalTimeMs, Target: m.TargetHeight,
		Syncing: m.Syncing, Signing: m.Signing, WhyNot: m.NotSigningReason, SignerBoots: m.SignerBoots,
		OldestWaiting: milliseconds(m.OldestWaitingMs), Peers: int(m.Peers), PoolTransactions: int(m.PoolTransactions),
		Started: time.UnixMilli(int64(m.StartedTimeMs)),
	}
	if len(m.GenesisHash) != 32 || len(m.NetworkKey) != 32 {
		return nil, fmt.Errorf("the answer names no chain or no identity")
	}
	s.Genesis, s.Identity = types.Hash(m.GenesisHash), ledger.ID(m.NetworkKey)
	if c := m.Consensus; c != nil {
		s.CommitAge, s.FailedViews, s.Leader = milliseconds(c.CommitAgeMs), c.FailedViews, int(c.Leader)
		s.LeaderKey, s.ViewAge = idOf(c.LeaderKey), milliseconds(c.ViewAgeMs)
		s.ViewTimer, s.BaseTimer, s.IdleInterval = milliseconds(c.ViewTimerMs), milliseconds(c.BaseTimerMs), milliseconds(c.IdleIntervalMs)
	}
	if d := m.Database; d != nil {
		s.Schema, s.OldestSchema, s.NewestSchema = min(d.Schema, math.MaxInt32), min(d.OldestReadable, math.MaxInt32), min(d.Newest, math.MaxInt32)
	}
	if e := m.Executor; e != nil {
		s.Executor, s.Engine, s.MissingModule = types.Hash(idOf(e.Hash)), e.Engine, e.Missing
		s.upgrade(e.Upgrade)
	}
	return s, nil
}

func (s *Status) upgrade(u *nodev1.UpgradeStatus) {
	if u == nil {
		return
	}
	s.UpgradeHash, s.UpgradeReason = types.Hash(idOf(u.Hash)), u.Reason
	s.UpgradeWithin = [2]uint64{u.NotBeforeHeight, u.NotAfterHeight}
	s.UpgradeIsReady = u.Readiness == nodev1.ModuleReadiness_MODULE_READINESS_READY || u.Readiness == nodev1.ModuleReadiness_MODULE_READINESS_ANNOUNCED
	for _, name := range u.Ready[:min(len(u.Ready), ledger.MaxValidators)] {
		s.UpgradeReady = append(s.UpgradeReady, idOf(name))
	}
}

// maxAge bounds ages that a node tells: a century.
const maxAge = 100 * 365 * 24 * time.Hour

func milliseconds(n uint64) time.Duration {
	if n > uint64(maxAge.Milliseconds()) {
		return maxAge
	}
	return time.Duration(n) * time.Millisecond
}

// idOf is 32 bytes, zero if there are others.
func idOf(b []byte) ledger.ID {
	if len(b) != 32 {
		return ledger.ID{}
	}
	return ledger.ID(b)
}
