package simdisk

import (
	"fmt"
	"maps"
	"slices"
	"syscall"
)

// Wear is what a device does wrong to files while it says that all is well: to each of
// their syncs, with the chances given, one of it. The cache shows nothing of it.
type Wear struct {
	Of        func(name string) bool // the files that it comes to; nil: none
	Flip      float64                // a bit of what was synced is another one
	Lose      float64                // a part of what was synced, or all of it, never got there
	Misdirect float64                // it got to another place of the file
}

// Wear sets what goes wrong from now on.
func (d *Disk) Wear(w Wear) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wear = w
}

// Worn is how many syncs have gone wrong so.
func (d *Disk) Worn() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.worn
}

// SetFull makes the making of files, and what would make one longer, fail for want of
// room, or ends that.
func (d *Disk) SetFull(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

func (d *Disk) room(name string) error {
	if d.full {
		return fmt.Errorf("simulated disk: %s: %w", name, syscall.ENOSPC)
	}
	return nil
}

// syncWorn syncs a file as the device's state lets it.
func (d *Disk) syncWorn(n *node, name string) {
	w := &d.wear
	if w.Of == nil || len(n.dirty) == 0 || !w.Of(name) {
		n.sync()
		return
	}
	dirty := slices.Sorted(maps.Keys(n.dirty))
	switch draw := d.rng.Float64(); {
	case draw < w.Flip:
		n.sync()
		at := dirty[d.rng.IntN(len(dirty))] * sector
		bit := d.rng.IntN(8 * min(sector, len(n.device)-at))
		n.device[at+bit/8] ^= 1 << (bit % 8)
	case draw < w.Flip+w.Lose:
		from := d.rng.IntN(len(dirty))
		for _, s := range dirty[from : from+1+d.rng.IntN(len(dirty)-from)] {
			delete(n.dirty, s)
		}
		n.sync()
	case draw < w.Flip+w.Lose+w.Misdirect:
		by := (1 + d.rng.IntN(16)) * 4096 / sector
		for _, s := range dirty {
			n.flushTo(s, (s+by)%max(1, len(n.device)/sector))
		}
		n.dirty = make(map[int]bool)
	default:
		n.sync()
		return
	}
	d.worn++
}

// flushTo moves a sector to another place than its own.
func (n *node) flushTo(s, to int) {
	from := s * sector
	if at := to * sector; from+sector <= len(n.cache) && at+sector <= len(n.device) {
		copy(n.device[at:at+sector], n.cache[from:from+sector])
	}
}
