package consensus

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Core is the state machine. It is not safe for concurrent use.
type Core struct {
	cfg Config
	now Now
	eff effects

	// The epoch.
	set       *types.ValidatorSet
	history   types.EpochHistory
	root      Final
	self      int // index in set, -1: not a member
	wasMember bool
	hasFinal  bool      // a block of this epoch is final
	epochCert *types.CC // ends this epoch
	tipChange *types.Epoch
	preparing bool // PrepareEpoch was emitted

	// What a validator keeps, and what holds signing back.
	safety  types.SafetyState
	allowed bool
	whyNot  string
	stopped string

	// The view.
	view      uint64
	enteredAt uint64 // MonoMs
	highTC    *types.TC
	proposals []*proposalState // of views from the present one on
	due       dueTimeout
	learnedAt uint64 // when this view first knew of something to propose; 0: not yet
	heard     []uint64
	led       []proposalState // of each validator: the newest that it proposed, by id
	passed    uint64          // highest view whose QC was passed on

	// Proposing.
	built    *types.Block // for a view that was not proposed yet
	optBlock *types.Block // what went out optimistically last
	asked    askedBuild
	waiting  bool // transactions or evidence wait
	moreWork bool

	// The tree above the last final block.
	tip        *node
	nodes      map[types.Hash]*node
	order      []*node // nodes as they came, for walking in a fixed order
	executing  types.Hash
	recorded   map[types.Hash]types.Hash // block -> outcome hash, same-outcome
	recordedAt []types.SignedOutcome
	highestCC  *types.CC
	pendingCC  *types.CC // highest that is not yet carried out
	logBytes   uint64
	synced     uint64

	// Votes of others.
	prepares []ring[types.SignedPrepare]
	commits  []ring[types.SignedCommit]
	timeouts []ring[types.SignedTimeout]
	// maxTimeout is the highest view that anybody timed out, as far as received.
	maxTimeout uint64
	faults     map[fault]bool
	alarmed    alarmKey

	// Own messages, for resending.
	own    ownMessages
	resign resign

	peers  map[Peer]*peerState
	early  []Received
	resend resendState
	wakeAt uint64
}

// Bounds of what the Core keeps.
const (
	proposalWindow = 8    // views ahead whose proposals are kept
	maxPeers       = 2048 // peers whose rate limits are remembered
	maxEarly       = 1024 // messages kept for the epoch to come
	maxEarlyPeer   = 16
	maxOwnCommits  = 16
	staleViews     = 8 // views after which an uncertified block is forgotten
)

// New makes a Core and gives what must be done first: votes on record sent again,
// bodies fetched, timers. An error names what in start does not fit together.
func New(now Now, cfg Config, start Start) (*Core, []Effect, error) {
	if err := cfg.Timing.Check(); err != nil {
		return nil, nil, err
	}
	c := &Core{cfg: cfg, now: now, allowed: start.SigningAllowed, stopped: start.Stopped}
	if !c.allowed {
		c.whyNot = "not allowed yet"
	}
	if err := c.restore(start); err != nil {
		return nil, nil, fmt.Errorf("start consensus: %w", err)
	}
	c.run()
	return c, c.eff.drain(c), nil
}

// Step takes one event and gives what must be done, in order.
func (c *Core) Step(now Now, ev Event) []Effect {
	c.now.MonoMs = max(c.now.MonoMs, now.MonoMs)
	c.now.WallMs = now.WallMs
	c.handle(ev)
	c.run()
	return c.eff.drain(c)
}

func (c *Core) handle(ev Event) {
	switch e := ev.(type) {
	case Tick:
		c.wakeAt = 0 // say again when to wake, should this tick have come early
	case Received:
		c.receive(e.From, e.Message)
	case BlockBuilt:
		c.blockBuilt(e)
	case BlockVerified:
		c.blockVerified(e)
	case BlockExecuted:
		c.blockExecuted(e)
	case BlockFetched:
		c.blockFetched(e)
	case WorkWaiting:
		c.waiting = e.Waiting
		if e.Waiting && c.asked.nothing {
			c.asked = askedBuild{}
		}
	case StoreProgress:
		c.synced, c.logBytes = max(c.synced, e.SyncedHeight), e.LogBytes
		c.forgetRecorded()
	case SigningAllowed:
		if e.Allowed && !c.allowed {
			c.resign = c.onRecord() // what was on its way when signing stopped may be lost
		}
		c.allowed, c.whyNot = e.Allowed, e.Reason
	case EpochReady:
		c.epochReady(e)
	case Synced:
		c.syncedTo(e)
	case CertificatesAsked:
		c.answerCertificates(e)
	}
}

// run fires every rule whose condition holds, until none does. Each round that
// fires raises a view, a height or a verdict, so the bound is never the reason
// to stop; it is there against a mistake.
func (c *Core) run() {
	for range 64 {
		fired := c.settleExecuted()
		fired = c.tryFinalize() || fired
		fired = c.tryEpochEnd() || fired
		fired = c.tryResign() || fired
		fired = c.tryCommitVote() || fired
		fired = c.tryTimeout() || fired
		fired = c.tryPrepareVote() || fired
		fired = c.tryPropose() || fired
		if !fired {
			break
		}
	}
	c.tryExecute()
	c.askVerdicts()
	c.resendDue()
	c.fetchMissing()
	c.scheduleWake()
}

// Status is where the Core stands, for status pages and metrics.
type Status struct {
	Epoch       uint64
	View        uint64
	Leader      uint32 // of View
	Self        int    // index in the set, -1 if not a member
	MaySign     bool
	WhyNot      string // why it may not sign
	Lock        types.QC
	FinalHeight uint64
	FinalBlock  types.Hash
	HighestCC   *types.CC // nil before the first of the epoch
	TimeoutView uint64
	Blocks      int    // held above the last final one
	EpochFinal  bool   // a block of the epoch is final
	FailedViews uint64 // since the lock's, up to View
	ViewTimerMs uint64 // of View, once there is something to propose
	EnteredMs   uint64 // monotonic time at which View was entered
}

// Status reads where the Core stands.
func (c *Core) Status() Status {
	s := Status{
		Epoch: c.set.Epoch.Number, View: c.view, Leader: c.set.Leader(c.view), Self: c.self,
		Lock: c.safety.Lock, FinalHeight: c.tip.height, FinalBlock: c.tip.id, HighestCC: c.highestCC,
		TimeoutView: c.safety.TimeoutView, Blocks: len(c.nodes) - 1, EpochFinal: c.hasFinal,
		FailedViews: c.viewsSinceLock(), ViewTimerMs: c.viewTimer(), EnteredMs: c.enteredAt,
	}
	s.MaySign, s.WhyNot = c.maySign()
	return s
}

// maySign reports whether this node signs in the present epoch, or why not.
func (c *Core) maySign() (bool, string) {
	switch {
	case c.self < 0:
		return false, "not in the epoch's validator set with this identity" // rule: instance-match
	case c.stopped != "":
		return false, c.stopped
	case c.epochCert != nil:
		// rule: epoch-leave. Nothing more is needed from anyone in an epoch that
		// has its certificate: that is resent instead.
		return false, "the epoch has ended"
	case !c.allowed:
		return false, c.whyNot
	}
	return true, ""
}

func (c *Core) mayNotSign() bool {
	ok, _ := c.maySign()
	return !ok
}

// Block gives a block that the Core holds (of the present epoch, above the last
// final one), for serving peers; nil if it does not.
func (c *Core) Block(id types.Hash) *types.Block {
	if n := c.nodes[id]; n != nil {
		return n.block
	}
	return nil
}
