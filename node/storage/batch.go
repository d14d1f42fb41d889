package storage

import (
	"encoding/binary"

	"github.com/linxGnu/grocksdb"
)

// batch builds a RocksDB write batch in its serialised form, so that a block's
// tens of thousands of rows cross into C++ once and not one by one.
//
//	sequence u64 (0) | count u32 | records
//	record: kind u8, family varint, key varint-prefixed [, value varint-prefixed]
type batch struct {
	rep   []byte
	count uint32
	ids   *[familyCount]uint32
}

// Kinds of records in a serialised write batch (RocksDB's ValueType).
const (
	kindDelete      = 0x4
	kindPut         = 0x5
	kindDeleteRange = 0xE

	batchHeader = 12
)

func (s *Store) newBatch(size int) *batch {
	return &batch{rep: make([]byte, batchHeader, batchHeader+size), ids: &s.ids}
}

func (b *batch) record(kind byte, f family, key []byte) {
	b.count++
	b.rep = append(b.rep, kind)
	b.rep = binary.AppendUvarint(b.rep, uint64(b.ids[f]))
	b.rep = binary.AppendUvarint(b.rep, uint64(len(key)))
	b.rep = append(b.rep, key...)
}

func (b *batch) put(f family, key, value []byte) {
	b.record(kindPut, f, key)
	b.rep = binary.AppendUvarint(b.rep, uint64(len(value)))
	b.rep = append(b.rep, value...)
}

func (b *batch) delete(f family, key []byte) { b.record(kindDelete, f, key) }

// deleteRange deletes from a key up to, not including, another.
func (b *batch) deleteRange(f family, from, to []byte) {
	b.record(kindDeleteRange, f, from)
	b.rep = binary.AppendUvarint(b.rep, uint64(len(to)))
	b.rep = append(b.rep, to...)
}

// write hands the batch to RocksDB. An error ends the store.
// // rule: sync-failure
func (s *Store) write(b *batch, opts *grocksdb.WriteOptions) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if s.sinceFlush > 0 && s.sinceFlush+uint64(len(b.rep)) > s.opt.WriteBufferBytes/2 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	binary.LittleEndian.PutUint32(b.rep[8:], b.count)
	native := grocksdb.WriteBatchFrom(b.rep)
	defer native.Destroy()
	if err := s.db.Write(opts, native); err != nil {
		return s.fail("write a batch", err)
	}
	s.sinceFlush += uint64(len(b.rep))
	s.written.Add(uint64(len(b.rep)))
	return nil
}

// flush moves every family's memtable to tables, in the background, and begins a
// new write-ahead log, after the present one was synced. RocksDB left to itself
// begins one while the old one is unsynced: a power cut that takes the old one's
// tail and leaves the new one opens with a hole between them.
func (s *Store) flush() error {
	if err := s.db.FlushWAL(true); err != nil {
		return s.fail("sync the write-ahead log", err)
	}
	for f := famBlocks; f < familyCount; f++ {
		if err := s.db.FlushCF(s.handles[f], s.background); err != nil {
			return s.fail("flush "+familyNames[f], err)
		}
	}
	s.sinceFlush = 0
	return nil
}
