package state

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
)

// cacheShards bounds how long one lock is held up by others.
const cacheShards = 16

// entryOverhead is about what an entry takes beside its bytes.
const entryOverhead = 160

// Cache keeps committed pages and rows within a number of bytes. A nil cache
// holds nothing. It is safe for concurrent use.
//
// A row is kept with a height from which on it has been the newest; it holds up
// to the height committed last, since each commit passes through the cache.
type Cache struct {
	height atomic.Uint64
	pages  [cacheShards]shard[PageID, []byte]
	values [cacheShards]shard[Address, cachedRow]
}

type cachedRow struct {
	row   Row
	since uint64
}

// CacheStats counts what a cache was asked, and what it holds.
type CacheStats struct {
	PageHits, PageMisses   uint64
	ValueHits, ValueMisses uint64
	Bytes                  int
}

// NewCache makes a cache of at most pageBytes of pages and valueBytes of rows.
func NewCache(pageBytes, valueBytes int) *Cache {
	cache := new(Cache)
	for i := range cacheShards {
		cache.pages[i].init(pageBytes / cacheShards)
		cache.values[i].init(valueBytes / cacheShards)
	}
	return cache
}

// Stats sums what the shards counted.
func (c *Cache) Stats() CacheStats {
	var stats CacheStats
	if c == nil {
		return stats
	}
	for i := range cacheShards {
		pages, values := &c.pages[i], &c.values[i]
		pages.mu.Lock()
		stats.PageHits, stats.PageMisses = stats.PageHits+pages.hits, stats.PageMisses+pages.misses
		stats.Bytes += pages.bytes
		pages.mu.Unlock()
		values.mu.Lock()
		stats.ValueHits, stats.ValueMisses = stats.ValueHits+values.hits, stats.ValueMisses+values.misses
		stats.Bytes += values.bytes
		values.mu.Unlock()
	}
	return stats
}

func (c *Cache) reset(height uint64) {
	if c == nil {
		return
	}
	c.height.Store(height)
	for i := range cacheShards {
		c.pages[i].clear()
		c.values[i].clear()
	}
}

func (c *Cache) pageShard(id *PageID) *shard[PageID, []byte] {
	// Pages of one depth differ in their first nibbles, the top ones by version.
	mix := uint64(id.Path.Bits[0]) ^ uint64(id.Path.Bits[1])>>4 ^ uint64(id.Path.Len) ^ id.Version
	return &c.pages[mix%cacheShards]
}

func (c *Cache) valueShard(address *Address) *shard[Address, cachedRow] {
	return &c.values[binary.LittleEndian.Uint16(address[:])%cacheShards]
}

func (c *Cache) page(id *PageID) []byte {
	if c == nil {
		return nil
	}
	page, _ := c.pageShard(id).get(*id)
	return page
}

func (c *Cache) putPage(id *PageID, page []byte) {
	if c != nil {
		c.pageShard(id).put(*id, page, len(page)+entryOverhead)
	}
}

// value answers a reader whose base height is pinned: the row must have been
// the newest at that height already.
func (c *Cache) value(dst *Row, address *Address, pinned uint64) bool {
	if c == nil {
		return false
	}
	cached, ok := c.valueShard(address).get(*address)
	if !ok || cached.since > pinned {
		return false
	}
	*dst = cached.row
	return true
}

// putValue keeps a row that was read at the pinned height, if nothing was
// committed since: the height is compared under the shard's lock, and a commit
// moves it before it takes that lock.
func (c *Cache) putValue(address *Address, row *Row, pinned uint64) {
	if c == nil {
		return
	}
	s := c.valueShard(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.height.Load() == pinned {
		s.putLocked(*address, cachedRow{row: *row, since: pinned}, len(row.Key)+len(row.Value)+entryOverhead)
	}
}

// commit replaces what the block wrote. The bytes are copied: an overlay's rows
// share few large buffers, which one kept row would hold in memory.
func (c *Cache) commit(overlay *Overlay) {
	if c == nil {
		return
	}
	height := overlay.after.Height
	c.height.Store(height)
	for i := range overlay.values {
		w := &overlay.values[i]
		row := w.row()
		row.Key, row.Value = bytes.Clone(row.Key), bytes.Clone(row.Value)
		c.valueShard(&w.Address).put(w.Address, cachedRow{row: row, since: height}, len(row.Key)+len(row.Value)+entryOverhead)
	}
	for i := range overlay.stale {
		c.pageShard(&overlay.stale[i]).remove(overlay.stale[i])
	}
	for i := range overlay.pages {
		id := PageID{Version: height, Path: overlay.pages[i].Path}
		c.putPage(&id, bytes.Clone(overlay.pages[i].Page))
	}
}
