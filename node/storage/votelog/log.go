package votelog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// Log is an open vote log. Its methods may be called from any goroutine; Appends
// run one at a time.
type Log struct {
	dir  string
	opt  Options
	lock io.Closer

	writing sync.Mutex // held during a write: one is in flight
	segment segment    // written to
	next    chan prepared
	slots   [2]slot
	used    uint64 // the highest sequence that a write before opening used up

	mu     sync.Mutex // guards what follows
	held   *held
	state  types.SafetyState // last synced in both copies
	seq    uint64
	live   []segment // oldest first, the one written to last
	failed error     // ends the log
	closed bool
	stats  Stats
}

// segment is one append-only file.
type segment struct {
	number uint64
	file   disk.File // nil for those only kept
	size   int64     // allocated
	end    int64     // where the next record goes
}

// slot is one of the two files that records are written to in turn.
type slot struct {
	file disk.File
	seq  uint64 // 0: invalid
}

// prepared is a segment made ahead of its use.
type prepared struct {
	segment segment
	err     error
}

func (o *Options) setDefaults() {
	if o.FS == nil {
		o.FS = disk.OS{}
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.SlotBytes <= 0 {
		o.SlotBytes = DefaultSlotBytes
	}
	o.SegmentBytes = (o.SegmentBytes + pageBytes - 1) / pageBytes * pageBytes
	o.SlotBytes = (o.SlotBytes + pageBytes - 1) / pageBytes * pageBytes
}

// Append makes a record durable in both copies and returns after both syncs:
// what depends on it may be sent from then on. // rule: persist-first
//
// A record that would take back what an earlier one says, or that is above
// MaxRecordBytes, is refused before anything is written. Every other error wraps
// ErrFailed (or ErrClosed) and is final: the process must end.
// // rule: sync-failure
func (l *Log) Append(rec Record) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	c, err := l.admit(rec)
	if err != nil {
		return err
	}
	begin := time.Time{}
	if l.opt.OnSync != nil {
		begin = time.Now()
	}
	if err := l.write(&c, rec.Blocks, l.sync); err != nil {
		return l.fail(err)
	}
	if l.opt.OnSync != nil {
		l.opt.OnSync(time.Since(begin))
	}
	return l.dropSegments()
}

// admit turns a record into what is written, or refuses it.
func (l *Log) admit(rec Record) (content, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return content{}, ErrClosed
	}
	if l.failed != nil {
		return content{}, l.failed
	}
	if err := onlyRises(&l.state, &rec.State); err != nil {
		return content{}, err
	}
	c := content{synced: max(rec.SyncedHeight, l.held.decided.synced), state: rec.State}
	for _, o := range rec.Outcomes {
		c.outcomes = append(c.outcomes, outcomeEntry{epoch: rec.State.Epoch, signed: o})
	}
	for _, b := range rec.Blocks {
		id := b.ID()
		if _, here := l.held.bodies[id]; here || containsBlock(c.blocks, id) {
			continue
		}
		c.blocks = append(c.blocks, blockEntry{id: id, body: wire.EncodeBlock(b)})
	}
	if size := c.size(); size > MaxRecordBytes || len(c.outcomes) > maxOutcomes || len(c.blocks) > maxBlocks {
		return content{}, fmt.Errorf("vote log record of about %d bytes, %d outcomes and %d blocks is above the bounds of %d, %d and %d",
			size, len(c.outcomes), len(c.blocks), MaxRecordBytes, maxOutcomes, maxBlocks)
	}
	return c, nil
}

func containsBlock(list []blockEntry, id types.Hash) bool {
	for i := range list {
		if list[i].id == id {
			return true
		}
	}
	return false
}

// size is at least the payload's, without encoding it.
func (c *content) size() int {
	n := 1 << 16 // state and counts
	n += len(c.outcomes) * outcomeBytes
	for i := range c.blocks {
		n += len(c.blocks[i].body) + blockMinBytes
	}
	return n
}

// onlyRises refuses a state that is older than the one on record: no caller's
// mistake may make the log forget.
func onlyRises(old, next *types.SafetyState) error {
	if next.Epoch > old.Epoch {
		return nil
	}
	regress := func(what string, from, to uint64) error {
		return fmt.Errorf("vote log: %s would fall from %d to %d; refused", what, from, to)
	}
	switch {
	case next.Epoch < old.Epoch:
		return regress("epoch", old.Epoch, next.Epoch)
	case next.VotedView < old.VotedView:
		return regress("voted view", old.VotedView, next.VotedView)
	case next.VotedView == old.VotedView && next.VotedBlock != old.VotedBlock:
		return fmt.Errorf("vote log: two blocks voted for in view %d of epoch %d; refused", next.VotedView, next.Epoch)
	case next.TimeoutView < old.TimeoutView:
		return regress("timeout view", old.TimeoutView, next.TimeoutView)
	case next.Lock.View < old.Lock.View:
		return regress("lock", old.Lock.View, next.Lock.View)
	case next.OptimisticView < old.OptimisticView:
		return regress("optimistic view", old.OptimisticView, next.OptimisticView)
	case next.ProposedView < old.ProposedView:
		return regress("proposed view", old.ProposedView, next.ProposedView)
	case old.Commit == nil:
		return nil
	case next.Commit == nil:
		return regress("commit vote", old.Commit.View, 0)
	case next.Commit.View < old.Commit.View:
		return regress("commit vote", old.Commit.View, next.Commit.View)
	case next.Commit.View == old.Commit.View && *next.Commit != *old.Commit:
		return fmt.Errorf("vote log: two commit votes in view %d of epoch %d; refused", next.Commit.View, next.Epoch)
	}
	return nil
}

// write puts content under the next sequence into both copies.
func (l *Log) write(c *content, blocks []*types.Block, sync func(writes [2]fileWrite) error) error {
	both, seq := l.seq, max(l.seq, l.used)+1
	whole, short := encodeContent(c, true), encodeContent(c, false)
	if err := l.room(sealedBytes(len(whole))); err != nil {
		return err
	}
	at := 0
	if l.slots[0].seq > l.slots[1].seq {
		at = 1
	}
	inSegment := seal(place{l.opt.Owner, l.segment.number}, l.segment.end, both, seq, whole)
	inSlot := seal(slotPlace(l.opt.Owner, at), 0, both, seq, short)
	err := sync([2]fileWrite{
		{name: segmentName(l.segment.number), file: l.segment.file, data: inSegment, offset: l.segment.end},
		{name: slotName(at), file: l.slots[at].file, data: inSlot},
	})
	if err != nil {
		return err
	}
	l.segment.end += int64(len(inSegment))
	l.slots[at].seq = seq

	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq, l.state = seq, c.state
	l.index(c, blocks, l.segment.number, seq)
	l.held.advance(c.synced, c.state.Epoch)
	l.stats.BytesWritten += uint64(len(inSegment) + len(inSlot))
	l.stats.Syncs += 2
	l.stats.Appends++
	return nil
}

// index notes what a record in the segment holds.
func (l *Log) index(c *content, blocks []*types.Block, segment, seq uint64) {
	for i := range c.blocks {
		for _, b := range blocks {
			if b.ID() == c.blocks[i].id {
				l.held.addBody(c.blocks[i].id, body{
					epoch: b.Header.Epoch, height: b.Header.Height,
					segment: segment, seq: seq, bytes: int64(len(c.blocks[i].body)),
				})
			}
		}
	}
	for _, o := range c.outcomes {
		l.held.addOutcome(outcome{outcomeEntry: o, segment: segment, seq: seq})
	}
}

// fileWrite is one write with the sync that follows it.
type fileWrite struct {
	name   string
	file   disk.File
	data   []byte
	offset int64
}

func (w *fileWrite) write() error {
	if _, err := w.file.WriteAt(w.data, w.offset); err != nil {
		return fmt.Errorf("write %d bytes to %s: %w", len(w.data), w.name, err)
	}
	return nil
}

func (w *fileWrite) sync() error {
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", w.name, err)
	}
	return nil
}

// sync writes and syncs both copies, in parallel.
func (l *Log) sync(writes [2]fileWrite) error {
	if l.opt.Serial {
		return errors.Join(writes[0].write(), writes[1].write(), writes[0].sync(), writes[1].sync())
	}
	other := make(chan error, 1)
	go func() {
		err := writes[1].write()
		if err == nil {
			err = writes[1].sync()
		}
		other <- err
	}()
	err := writes[0].write()
	if err == nil {
		err = writes[0].sync()
	}
	return errors.Join(err, <-other)
}

// fail ends the log: nothing is retried, nothing more is written.
// // rule: sync-failure
func (l *Log) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failed != nil:
	case disk.IsFull(err):
		l.failed = fmt.Errorf("%w: %s: the signer volume is full: make room for %d MiB there (enlarge it, or remove what is not the node's), delete nothing of the node's own: %w",
			ErrFailed, l.dir, roomBytes>>20, err)
	default:
		l.failed = fmt.Errorf("%w: %s: %w", ErrFailed, l.dir, err)
	}
	return l.failed
}

// roomBytes is what a log that stopped for want of room should find: the segment
// written to, the next one, and those that are still needed.
const roomBytes = 4 * DefaultSegmentBytes

// Final says that the block of that height is final, so that others of that
// height may leave. // rule: log-drop
func (l *Log) Final(height uint64, id types.Hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.setFinal(height, id)
}

// HeldBodyBytes is the size of the bodies that are still needed.
// // rule: bounded-tail
func (l *Log) HeldBodyBytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held.bytes
}

// State is the newest SafetyState that both copies hold.
func (l *Log) State() types.SafetyState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Stats are figures for metrics.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Seq, s.SyncedHeight = l.seq, l.held.decided.synced
	s.HeldBodies, s.HeldBodyBytes, s.HeldOutcomes = len(l.held.bodies), l.held.bytes, len(l.held.outcomes)
	s.Segments = len(l.live)
	for _, seg := range l.live {
		s.SegmentBytes += seg.size
	}
	return s
}

// Close releases files and lock. It writes nothing: an Append that returned is
// durable already.
func (l *Log) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var errs []error
	if l.next != nil {
		if p := <-l.next; p.err == nil {
			errs = append(errs, p.segment.file.Close())
		}
	}
	return errors.Join(append(errs, l.release())...)
}

// release closes what an open log holds.
func (l *Log) release() error {
	var errs []error
	for _, f := range []disk.File{l.segment.file, l.slots[0].file, l.slots[1].file} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, l.lock.Close())...)
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }
