package sim

import "time"

// Result is what a run did, or many of them.
type Result struct {
	Seed        uint64        `json:"seed,omitzero"`        // of one run
	Fingerprint string        `json:"fingerprint,omitzero"` // of one run's whole history
	Height      uint64        `json:"heights"`              // that every node has reached
	Virtual     time.Duration `json:"virtual_ns"`           // how long it lasted, in virtual time
	Switches    uint64        `json:"switches"`             // of tasks
	Messages    uint64        `json:"messages"`             // that arrived
	Lost        uint64        `json:"lost_messages"`        // by a fault or a cut link
	Faults      uint64        `json:"faults"`               // single ones: messages lost or doubled, cuts, crashes
	Crashes     int           `json:"crashes"`
	Partitions  int           `json:"partitions"`
	Epochs      uint64        `json:"epochs"`       // that began after the first
	Evidence    int           `json:"evidence"`     // that final blocks hold
	Clogged     uint64        `json:"clogged"`      // messages that waited in a link's queue
	ClockJumps  int           `json:"clock_jumps"`  // of wall clocks
	Noticed     int           `json:"noticed"`      // pieces of damage that an opening or a read reported, torn writes aside
	SyncsFailed int           `json:"syncs_failed"` // each ended a process
	FullEnds    int           `json:"full_ends"`    // processes that ended for want of room
	ChainsLost  int           `json:"chains_lost"`  // chain volumes filled from peers
	SignersLost int           `json:"signers_lost"` // signer volumes lost, damaged in both copies or rolled back
	Foreign     int           `json:"foreign"`      // identities set aside by own-echo or the vote log
	Clones      int           `json:"clones"`       // processes with what is another's
	// FirstCommit is from the last fault to the first block after it that some node told
	// final; Healed, until every node had committed several. Of many runs: the longest.
	FirstCommit time.Duration `json:"first_commit_ns"`
	Healed      time.Duration `json:"healed_ns"`
}

// Add counts another run's in.
func (r *Result) Add(o *Result) {
	r.Height += o.Height
	r.Virtual += o.Virtual
	r.Switches += o.Switches
	r.Messages += o.Messages
	r.Lost += o.Lost
	r.Faults += o.Faults
	r.Crashes += o.Crashes
	r.Partitions += o.Partitions
	r.Epochs += o.Epochs
	r.Evidence += o.Evidence
	r.Clogged += o.Clogged
	r.ClockJumps += o.ClockJumps
	r.Noticed += o.Noticed
	r.SyncsFailed += o.SyncsFailed
	r.FullEnds += o.FullEnds
	r.ChainsLost += o.ChainsLost
	r.SignersLost += o.SignersLost
	r.Foreign += o.Foreign
	r.Clones += o.Clones
	r.FirstCommit = max(r.FirstCommit, o.FirstCommit)
	r.Healed = max(r.Healed, o.Healed)
}
