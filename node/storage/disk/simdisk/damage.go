package simdisk

import (
	"fmt"
	"slices"
)

// Flip damages one bit of a file, in cache and on the device.
func (d *Disk) Flip(name string, bit int64) error {
	return d.damage(name, func(n *node) error {
		if at := bit / 8; at >= int64(len(n.cache)) || at >= int64(len(n.device)) {
			return fmt.Errorf("flip bit %d of %s: the file ends before it", bit, name)
		}
		n.cache[bit/8] ^= 1 << (bit % 8)
		n.device[bit/8] ^= 1 << (bit % 8)
		return nil
	})
}

// Unreadable makes reads of a file's sector fail until it is written again.
func (d *Disk) Unreadable(name string, sector int) error {
	return d.damage(name, func(n *node) error {
		n.unreadable[sector] = true
		return nil
	})
}

// Erase fills a file with zeros.
func (d *Disk) Erase(name string) error {
	return d.damage(name, func(n *node) error {
		clear(n.cache)
		clear(n.device)
		return nil
	})
}

// Vanish removes a file, durably, as if it had never been.
func (d *Disk) Vanish(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, base, err := d.parent(name)
	if err != nil {
		return err
	}
	delete(dir.entries, base)
	delete(dir.durable, base)
	return nil
}

// Contents is what the cache shows of a file.
func (d *Disk) Contents(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.cache), nil
}

func (d *Disk) damage(name string, f func(*node) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return err
	}
	return f(n)
}

// Clone is an independent copy of the disk whose further choices come from seed.
// Folders must be synced.
func (d *Disk) Clone(seed uint64) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := New(seed)
	c.root = d.root.clone(make(map[*node]*node))
	c.ops, c.syncs, c.free = d.ops, d.syncs, d.free
	return c
}

// clone copies a tree of synced folders.
func (n *node) clone(seen map[*node]*node) *node {
	if c := seen[n]; c != nil {
		return c
	}
	c := &node{}
	seen[n] = c
	if !n.isDir() {
		*c = *newFile(0)
		c.cache, c.device = slices.Clone(n.cache), slices.Clone(n.device)
		for s := range n.dirty {
			c.dirty[s] = true
		}
		for s := range n.lost {
			c.lost[s] = true
		}
		for s := range n.unreadable {
			c.unreadable[s] = true
		}
		return c
	}
	*c = *newDir()
	for name, e := range n.entries {
		c.entries[name] = e.clone(seen)
	}
	for name, e := range n.durable {
		c.durable[name] = e.clone(seen)
	}
	return c
}
