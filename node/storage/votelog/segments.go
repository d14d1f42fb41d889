package votelog

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

const (
	segmentPrefix = "seg-"
	slotPrefix    = "slot-"
)

func segmentName(number uint64) string { return fmt.Sprintf("%s%016x", segmentPrefix, number) }

func slotName(slot int) string { return slotPrefix + strconv.Itoa(slot) }

// segmentNumber reads a segment's name; false for every other file.
func segmentNumber(name string) (uint64, bool) {
	hex, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return n, err == nil && n>>63 == 0 && segmentName(n) == name
}

// room makes sure that n bytes fit into the segment written to, and goes on to a
// new one where they do not.
func (l *Log) room(n int64) error {
	if l.segment.end+n <= l.segment.size {
		return nil
	}
	next, err := l.nextSegment(n)
	if err != nil {
		return err
	}
	if l.segment.file != nil {
		if err := l.segment.file.Close(); err != nil {
			return fmt.Errorf("close %s: %w", segmentName(l.segment.number), err)
		}
	}
	l.segment = next
	l.mu.Lock()
	l.live = append(l.live, segment{number: next.number, size: next.size})
	l.mu.Unlock()
	l.prepare(next.number + 1)
	return nil
}

// nextSegment takes the one made ahead, or makes one.
func (l *Log) nextSegment(n int64) (segment, error) {
	number := l.segment.number + 1
	if l.next != nil {
		p := <-l.next
		l.next = nil
		if disk.IsFull(p.err) { // that was then: nothing depends on it yet
			return l.createSegment(number, max(n, l.opt.SegmentBytes))
		}
		if p.err != nil {
			return segment{}, p.err
		}
		if n <= p.segment.size {
			return p.segment, nil
		}
		// Too small for this one record: it goes into one of its own size.
		if err := errors.Join(p.segment.file.Close(), l.opt.FS.Remove(l.path(segmentName(p.segment.number)))); err != nil {
			return segment{}, fmt.Errorf("replace a small segment: %w", err)
		}
	}
	return l.createSegment(number, max(n, l.opt.SegmentBytes))
}

// createSegment makes a segment whose name and size are durable.
func (l *Log) createSegment(number uint64, size int64) (segment, error) {
	f, err := l.opt.FS.Create(l.path(segmentName(number)), size)
	if err != nil {
		return segment{}, fmt.Errorf("create vote log segment %d: %w", number, err)
	}
	if err := l.zero(f, size); err != nil {
		return segment{}, errors.Join(fmt.Errorf("fill vote log segment %d: %w", number, err), f.Close(), l.opt.FS.Remove(l.path(segmentName(number))))
	}
	if err := l.opt.FS.SyncDir(l.dir); err != nil {
		return segment{}, errors.Join(fmt.Errorf("sync %s: %w", l.dir, err), f.Close())
	}
	return segment{number: number, file: f, size: size}, nil
}

// zeroBytes is the piece in which a new segment is filled.
const zeroBytes = 1 << 20

// zero writes a new segment once, from the first byte to the last. Room that was
// only allocated must be marked as written by the first sync of each record, in the
// file system's journal: there a vote would wait for what others wrote to the disk.
func (l *Log) zero(f disk.File, size int64) error {
	if l.opt.Serial { // a simulated disk has no journal
		return nil
	}
	zeros := make([]byte, min(size, zeroBytes))
	for at := int64(0); at < size; at += zeroBytes {
		if _, err := f.WriteAt(zeros[:min(zeroBytes, size-at)], at); err != nil {
			return err
		}
	}
	return f.Sync()
}

// prepare makes a segment ahead of its use, so that no vote waits for it.
func (l *Log) prepare(number uint64) {
	if l.opt.Serial {
		return
	}
	next := make(chan prepared, 1)
	l.next = next
	go func() {
		seg, err := l.createSegment(number, l.opt.SegmentBytes)
		next <- prepared{segment: seg, err: err}
	}()
}

// dropSegments removes segments that are no longer needed. A removal that a crash
// undoes is harmless: what comes back is older than what is there.
// // rule: log-drop
func (l *Log) dropSegments() error {
	l.mu.Lock()
	numbers := make([]uint64, 0, len(l.live))
	for _, s := range l.live {
		numbers = append(numbers, s.number)
	}
	gone := l.held.expendable(numbers, l.segment.number)
	l.mu.Unlock()
	for _, number := range gone {
		if err := l.opt.FS.Remove(l.path(segmentName(number))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return l.fail(fmt.Errorf("remove vote log segment %d: %w", number, err))
		}
		l.forgetSegment(number)
	}
	return nil
}

func (l *Log) forgetSegment(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, s := range l.live {
		if s.number == number {
			l.live = append(l.live[:i], l.live[i+1:]...)
			return
		}
	}
}

// readPages reads a whole file. Pages that the device refuses are filled with a
// pattern that no valid sector has, and reported.
func readPages(f disk.File, name string) ([]byte, []Damage, error) {
	size, err := f.Size()
	if err != nil {
		return nil, nil, fmt.Errorf("find the size of %s: %w", name, err)
	}
	if size > maxFileBytes {
		return nil, nil, fmt.Errorf("%s has %d bytes, more than any vote log file", name, size)
	}
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err == nil || size == 0 {
		return data, nil, nil
	}
	var damage []Damage
	for at := int64(0); at < size; at += pageBytes {
		page := data[at:min(at+pageBytes, size)]
		if _, err := f.ReadAt(page, at); err != nil {
			for i := range page {
				page[i] = 0xAA
			}
			damage = append(damage, Damage{Kind: DamageRead, File: name, Offset: at, Text: err.Error()})
		}
	}
	return data, damage, nil
}

// maxFileBytes is more than the largest record takes.
const maxFileBytes = 2 * MaxRecordBytes
