package votelog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// dirScan is what a log's folder holds.
type dirScan struct {
	segments scan
	slots    [2]scan
	live     []segment // with content, oldest first
	empty    []uint64  // segments made ahead and not used
	newest   uint64    // highest segment number
}

// readDir reads both copies and changes nothing.
func readDir(fsys disk.FS, dir string, owner [32]byte) (*dirScan, error) {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the vote log: %w", err)
	}
	d := &dirScan{}
	for _, name := range names { // sorted: by number
		if number, ok := segmentNumber(name); ok {
			if err := d.readSegment(fsys, dir, name, number, owner); err != nil {
				return nil, err
			}
		}
	}
	for i := range d.slots {
		if err := d.readSlot(fsys, dir, i, owner); err != nil {
			return nil, err
		}
	}
	d.checkErased()
	return d, nil
}

func (d *dirScan) readSegment(fsys disk.FS, dir, name string, number uint64, owner [32]byte) error {
	data, damage, err := readFile(fsys, filepath.Join(dir, name), name)
	if err != nil {
		return err
	}
	d.newest = max(d.newest, number)
	d.segments.damage = append(d.segments.damage, damage...)
	if allZero(data) {
		d.empty = append(d.empty, number)
		return nil
	}
	s, err := scanSegment(place{owner, number}, name, number, data)
	if err != nil {
		return err
	}
	d.segments.add(s)
	d.live = append(d.live, segment{number: number, size: int64(len(data))})
	return nil
}

func (d *dirScan) readSlot(fsys disk.FS, dir string, i int, owner [32]byte) error {
	name := slotName(i)
	data, damage, err := readFile(fsys, filepath.Join(dir, name), name)
	if errors.Is(err, fs.ErrNotExist) {
		d.slots[i].lose(name, "the slot is missing")
		return nil
	}
	if err != nil {
		return err
	}
	s, err := scanSlot(slotPlace(owner, i), name, data)
	if err != nil {
		return err
	}
	s.damage = append(damage, s.damage...)
	d.slots[i] = s
	return nil
}

// lose says that anything may have been here.
func (s *scan) lose(file, text string) {
	s.hide(unknownSeq)
	s.damage = append(s.damage, Damage{Kind: DamageMissing, File: file, Text: text})
}

// checkErased finds a slot that is blank although both were written to: only the
// very first record leaves one slot blank.
func (d *dirScan) checkErased() {
	for i := range d.slots {
		other, ok := d.slots[1-i].best()
		blank := len(d.slots[i].records) == 0 && len(d.slots[i].damage) == 0
		if ok && other.both != 0 && blank {
			d.slots[i].lose(slotName(i), "the slot was erased")
		}
	}
}

func (d *dirScan) choose() (choice, error) {
	return choose(d.segments, mergeSlots(d.slots[0], d.slots[1]))
}

// records are all valid ones, those of slots first.
func (d *dirScan) records() []found {
	all := append([]found(nil), mergeSlots(d.slots[0], d.slots[1]).records...)
	return append(all, d.segments.records...)
}

// used is the highest sequence seen anywhere, torn and damaged writes included.
func (d *dirScan) used() uint64 {
	var used uint64
	for _, s := range []*scan{&d.segments, &d.slots[0], &d.slots[1]} {
		for _, r := range s.records {
			used = max(used, r.seq)
		}
		for _, damage := range s.damage {
			used = max(used, damage.Seq)
		}
	}
	return used
}

func readFile(fsys disk.FS, path, name string) (data []byte, damage []Damage, err error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the vote log: %w", err)
	}
	data, damage, err = readPages(f, name)
	return data, damage, errors.Join(err, f.Close())
}

func allZero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}
