package votelog

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Inspection is what an offline look finds.
type Inspection struct {
	Dir      string         `json:"dir"`
	Segments []FileInfo     `json:"segments"`
	Slots    []FileInfo     `json:"slots"`
	Records  []RecordInfo   `json:"records"` // in order of reading: segments, then slots
	Damage   []Damage       `json:"damage"`
	Winner   uint64         `json:"winner"`            // sequence that an opening would go on with; 0: none
	Foreign  string         `json:"foreign,omitempty"` // why the log cannot be used
	State    *StateOverview `json:"state,omitempty"`   // of the winner
}

// FileInfo is one file of the log.
type FileInfo struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// RecordInfo is one valid record.
type RecordInfo struct {
	Seq      uint64        `json:"seq"`
	File     string        `json:"file"`
	Offset   int64         `json:"offset"`
	Bytes    int           `json:"bytes"` // of payload
	State    StateOverview `json:"state"`
	Blocks   []types.Hash  `json:"blocks,omitempty"`
	Outcomes int           `json:"outcomes"`
}

// StateOverview is a SafetyState without its certificates.
type StateOverview struct {
	SyncedHeight   uint64     `json:"synced_height"`
	Epoch          uint64     `json:"epoch"`
	VotedView      uint64     `json:"voted_view"`
	VotedBlock     types.Hash `json:"voted_block"`
	VotedHeight    uint64     `json:"voted_height"`
	TimeoutView    uint64     `json:"timeout_view"`
	CommitView     uint64     `json:"commit_view"`
	CommitHeight   uint64     `json:"commit_height"`
	CommitBlock    types.Hash `json:"commit_block"`
	CommitOutcome  types.Hash `json:"commit_outcome"`
	LockView       uint64     `json:"lock_view"`
	LockHeight     uint64     `json:"lock_height"`
	OptimisticView uint64     `json:"optimistic_view"`
	ProposedView   uint64     `json:"proposed_view"`
}

// Inspect reads a log that no process uses and changes nothing in it.
func Inspect(dir string, opt Options) (Inspection, error) {
	opt.setDefaults()
	in := Inspection{Dir: dir}
	if _, err := opt.FS.ReadDir(dir); errors.Is(err, fs.ErrNotExist) {
		in.Foreign = "the folder is missing"
		return in, nil
	}
	lock, err := opt.FS.Lock(dir)
	if err != nil {
		return in, fmt.Errorf("inspect the vote log: %w", err)
	}
	d, err := readDir(opt.FS, dir, opt.Owner)
	if err != nil {
		return in, errors.Join(err, lock.Close())
	}
	return in, errors.Join(in.fill(d), lock.Close())
}

// Bodies reads every block that a log holds which no process uses, and changes nothing in
// it. Each is what its own hash names, whoever gave the log.
func Bodies(dir string, opt Options) ([]*types.Block, error) {
	opt.setDefaults()
	lock, err := opt.FS.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("read the bodies of a vote log: %w", err)
	}
	d, err := readDir(opt.FS, dir, opt.Owner)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	var out []*types.Block
	for _, r := range d.segments.records { // a slot holds none
		c, err := decodeContent(r.payload)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s at %d: %w", r.file, r.offset, err), lock.Close())
		}
		blocks, err := c.decodeBlocks()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s at %d: %w", r.file, r.offset, err), lock.Close())
		}
		out = append(out, blocks...)
	}
	return out, lock.Close()
}

func (in *Inspection) fill(d *dirScan) error {
	for _, s := range d.live {
		in.Segments = append(in.Segments, FileInfo{Name: segmentName(s.number), Bytes: s.size})
	}
	slots := mergeSlots(d.slots[0], d.slots[1])
	for _, r := range append(append([]found(nil), d.segments.records...), slots.records...) {
		c, err := decodeContent(r.payload)
		if err != nil {
			return fmt.Errorf("%s at %d: %w", r.file, r.offset, err)
		}
		info := RecordInfo{
			Seq: r.seq, File: r.file, Offset: r.offset, Bytes: len(r.payload),
			State: c.overview(), Outcomes: len(c.outcomes),
		}
		for i := range c.blocks {
			info.Blocks = append(info.Blocks, c.blocks[i].id)
		}
		in.Records = append(in.Records, info)
	}
	for _, r := range slots.records {
		in.Slots = append(in.Slots, FileInfo{Name: r.file, Bytes: sealedBytes(len(r.payload))})
	}
	c, err := d.choose()
	in.Damage = c.damage
	if err != nil {
		in.Foreign = err.Error()
		return nil
	}
	won, err := decodeContent(c.winner.payload)
	if err != nil {
		return err
	}
	state := won.overview()
	in.Winner, in.State = c.winner.seq, &state
	return nil
}

func (c *content) overview() StateOverview {
	s := &c.state
	o := StateOverview{
		SyncedHeight: c.synced, Epoch: s.Epoch,
		VotedView: s.VotedView, VotedBlock: s.VotedBlock, VotedHeight: s.VotedHeight,
		TimeoutView: s.TimeoutView, LockView: s.Lock.View, LockHeight: s.Lock.Height,
		OptimisticView: s.OptimisticView, ProposedView: s.ProposedView,
	}
	if s.Commit != nil {
		o.CommitView, o.CommitHeight = s.Commit.View, s.Commit.Height
		o.CommitBlock, o.CommitOutcome = s.Commit.Block, s.Commit.Outcome
	}
	return o
}
