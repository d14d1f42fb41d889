package votelog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// Create makes an empty log: one that has signed nothing. It is called together
// with the making of the identity and at no other time. The folder appears whole
// or not at all. // rule: identity-born, key-with-memory
func Create(dir string, opt Options) error {
	opt.setDefaults()
	parent := filepath.Dir(dir)
	if err := opt.FS.MkdirAll(parent); err != nil {
		return fmt.Errorf("make the folder of the vote log: %w", err)
	}
	if err := checkLocal(parent, &opt); err != nil {
		return err
	}
	if _, err := opt.FS.ReadDir(dir); err == nil {
		return fmt.Errorf("%s: %w", dir, ErrExists)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for a vote log: %w", err)
	}
	making := dir + ".new"
	if err := clear(opt.FS, making); err != nil {
		return err
	}
	if err := fillNew(making, opt); err != nil {
		return fmt.Errorf("create the vote log %s: %w", dir, err)
	}
	if err := opt.FS.Rename(making, dir); err != nil {
		return fmt.Errorf("create the vote log %s: %w", dir, err)
	}
	if err := opt.FS.SyncDir(parent); err != nil {
		return fmt.Errorf("create the vote log %s: %w", dir, err)
	}
	return nil
}

// clear removes what an interrupted Create left, which nothing was signed with.
func clear(fsys disk.FS, dir string) error {
	names, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clear %s: %w", dir, err)
	}
	for _, name := range names {
		if err := fsys.Remove(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("clear %s: %w", dir, err)
		}
	}
	if err := fsys.Remove(dir); err != nil {
		return fmt.Errorf("clear %s: %w", dir, err)
	}
	return nil
}

func fillNew(dir string, opt Options) error {
	if err := opt.FS.MkdirAll(dir); err != nil {
		return err
	}
	opt.Serial = true
	l := &Log{dir: dir, opt: opt, lock: noLock{}, held: newHeld()}
	err := func() error {
		if err := l.openSlots(); err != nil {
			return err
		}
		return l.write(&content{}, nil, l.inTurn)
	}()
	return errors.Join(err, l.release())
}

type noLock struct{}

// Close implements io.Closer.
func (noLock) Close() error { return nil }

func checkLocal(dir string, opt *Options) error {
	if opt.AllowUnsafeFileSystem {
		return nil
	}
	if err := opt.FS.CheckLocal(dir); err != nil {
		return fmt.Errorf("vote log: %w", err)
	}
	return nil
}

// Open takes the log's lock, reads both copies, and writes the winner again under
// a new sequence before it returns. // rule: log-open
//
// ErrForeign: nothing may be signed with this volume's key. disk.ErrLocked:
// another process uses it. ErrFailed: the rewrite failed; end the process.
func Open(dir string, opt Options) (*Log, Recovered, error) {
	opt.setDefaults()
	if _, err := opt.FS.ReadDir(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, Recovered{}, fmt.Errorf("%w: %s is missing", ErrForeign, dir)
	} else if err != nil {
		return nil, Recovered{}, fmt.Errorf("open the vote log: %w", err)
	}
	if err := checkLocal(dir, &opt); err != nil {
		return nil, Recovered{}, err
	}
	lock, err := opt.FS.Lock(dir) // rule: exclusive-volume
	if err != nil {
		return nil, Recovered{}, fmt.Errorf("open the vote log: %w", err)
	}
	l := &Log{dir: dir, opt: opt, lock: lock, held: newHeld()}
	rec, err := l.recover()
	if err != nil {
		return nil, Recovered{Damage: rec.Damage}, errors.Join(err, l.release())
	}
	return l, rec, nil
}

// recover reads, chooses, and writes again.
func (l *Log) recover() (Recovered, error) {
	d, err := readDir(l.opt.FS, l.dir, l.opt.Owner)
	if err != nil {
		return Recovered{}, err
	}
	c, err := d.choose()
	if err != nil {
		return Recovered{Damage: c.damage}, err
	}
	won, err := decodeContent(c.winner.payload)
	if err != nil {
		return Recovered{Damage: c.damage}, err
	}
	rec, err := l.load(d, &won)
	rec.Damage = append(c.damage, rec.Damage...)
	if err != nil {
		return rec, err
	}
	l.seq, l.used = c.winner.both, d.used() // what was read may not be durable
	if err := l.rewrite(d, &won, rec.Blocks); err != nil {
		return rec, l.fail(err)
	}
	rec.Seq = l.seq
	l.finish(&rec)
	return rec, nil
}

// load indexes every record's bodies and outcomes, as far as the winner does not
// say that they may leave.
func (l *Log) load(d *dirScan, won *content) (Recovered, error) {
	rec := Recovered{State: won.state, SyncedHeight: won.synced}
	l.state = won.state
	l.held.decided.epoch, l.held.decided.synced = won.state.Epoch, won.synced
	seen := make(map[types.Hash]bool)
	for _, r := range d.records() {
		c, err := decodeContent(r.payload)
		if err != nil {
			return rec, fmt.Errorf("%s at %d: %w", r.file, r.offset, err)
		}
		rec.SyncedHeight = max(rec.SyncedHeight, c.synced)
		l.held.decided.synced = rec.SyncedHeight
		blocks, err := c.decodeBlocks()
		if err != nil {
			return rec, fmt.Errorf("%s at %d: %w", r.file, r.offset, err)
		}
		if r.segment == 0 {
			c.blocks = nil // a slot names bodies, it does not hold them
		}
		l.index(&c, blocks, r.segment, r.seq)
		for _, b := range blocks {
			if id := b.ID(); !seen[id] {
				seen[id] = true
				rec.Blocks = append(rec.Blocks, b)
			}
		}
	}
	l.held.sweep()
	kept := rec.Blocks[:0]
	for _, b := range rec.Blocks {
		if _, needed := l.held.bodies[b.ID()]; needed {
			kept = append(kept, b)
		}
	}
	rec.Blocks = kept
	return rec, nil
}

// decodeBlocks reads the bodies that a record holds.
func (c *content) decodeBlocks() ([]*types.Block, error) {
	var blocks []*types.Block
	for i := range c.blocks {
		if len(c.blocks[i].body) == 0 {
			continue
		}
		b, err := wire.DecodeBlock(c.blocks[i].body)
		if err != nil {
			return nil, fmt.Errorf("decode a body in the vote log: %w", err)
		}
		if id := b.ID(); id != c.blocks[i].id {
			return nil, fmt.Errorf("body %s in the vote log is recorded as %s", id, c.blocks[i].id)
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// rewrite puts the winner under a new sequence into a new segment, synced, then
// into the older slot, synced: what was read may be in the page cache only.
// // rule: log-open
func (l *Log) rewrite(d *dirScan, won *content, bodies []*types.Block) error {
	for i := range l.slots {
		if best, ok := d.slots[i].best(); ok {
			l.slots[i].seq = best.seq
		}
	}
	if err := l.openSlots(); err != nil {
		return err
	}
	for _, number := range d.empty {
		if err := l.opt.FS.Remove(l.path(segmentName(number))); err != nil {
			return fmt.Errorf("remove an unused segment: %w", err)
		}
	}
	l.live = d.live
	l.segment.number = d.newest // closed; room goes on to the next one
	won.synced = max(won.synced, l.held.decided.synced)
	l.gather(won, bodies)
	return l.write(won, bodies, l.inTurn)
}

// gather makes the rewritten record hold the voted body, wherever it was read,
// since the vote may be sent again right after, and every outcome that is still
// needed, since some may have been read in a slot alone.
func (l *Log) gather(won *content, bodies []*types.Block) {
	kept := won.blocks[:0]
	for _, e := range won.blocks {
		if len(e.body) > 0 {
			kept = append(kept, e)
		}
	}
	won.blocks = kept
	for _, b := range bodies {
		if id := b.ID(); id == won.state.VotedBlock && !containsBlock(won.blocks, id) {
			won.blocks = append(won.blocks, blockEntry{id: id, body: wire.EncodeBlock(b)})
		}
	}
	won.outcomes = l.held.sortedOutcomes()
}

// inTurn writes and syncs the segment, then the slot.
func (l *Log) inTurn(writes [2]fileWrite) error {
	for i := range writes {
		if err := writes[i].write(); err != nil {
			return err
		}
		if err := writes[i].sync(); err != nil {
			return err
		}
	}
	return nil
}

// finish says what is there after the rewrite.
func (l *Log) finish(rec *Recovered) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rec.SyncedHeight = l.held.decided.synced
	for _, o := range l.held.sortedOutcomes() {
		rec.Outcomes = append(rec.Outcomes, o.signed)
	}
	state := &rec.State
	if state.VotedView == 0 || state.VotedHeight <= rec.SyncedHeight {
		return
	}
	if _, here := l.held.bodies[state.VotedBlock]; !here {
		rec.MissingBody = state.VotedBlock
		rec.Damage = append(rec.Damage, Damage{
			Kind: DamageMissing, File: "segments", Seq: rec.Seq,
			Text: fmt.Sprintf("the body of block %s, voted for in view %d, is missing: the vote is held back until it is here again", state.VotedBlock, state.VotedView),
		})
	}
}

// openSlots opens both slots, and makes those that are missing.
func (l *Log) openSlots() error {
	made := false
	for i := range l.slots {
		name := l.path(slotName(i))
		f, err := l.opt.FS.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			made = true
			f, err = l.opt.FS.Create(name, l.opt.SlotBytes)
		}
		if err != nil {
			return fmt.Errorf("open a vote log slot: %w", err)
		}
		l.slots[i].file = f
	}
	if !made {
		return nil
	}
	if err := l.opt.FS.SyncDir(l.dir); err != nil {
		return fmt.Errorf("sync %s: %w", l.dir, err)
	}
	return nil
}
