package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// Core is the state machine. It is not safe for concurrent use.
type Core struct {
	cfg Config
}

// New makes a Core and gives what must be done first: votes on record sent again,
// bodies fetched, timers. An error names what in start does not fit together.
func New(now Now, cfg Config, start Start) (*Core, []Effect, error) {
	return nil, nil, nil
}

// Step takes one event and gives what must be done, in order.
func (c *Core) Step(now Now, ev Event) []Effect { return nil }

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
	Blocks      int // held above the last final one
}

// Status reads where the Core stands.
func (c *Core) Status() Status { return Status{} }

// Block gives a block that the Core holds (of the present epoch, above the last
// final one), for serving peers; nil if it does not.
func (c *Core) Block(id types.Hash) *types.Block { return nil }

// Newest gives the newest signed messages of the validator with that consensus
// and network key that the Core holds, at most one a kind, for own-echo's answer.
func (c *Core) Newest(network Peer, consensusKey []byte) []types.Message { return nil }
