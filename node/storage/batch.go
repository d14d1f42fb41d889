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

// bytes is the size of what is to be written.
func (b *batch) bytes() int { return len(b.rep) }

// write hands the batch to RocksDB. An error ends the store.
// // rule: sync-failure
func (s *Store) write(b *batch, opts *grocksdb.WriteOptions) error {
	if err := s.usable(); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(b.rep[8:], b.count)
	native := grocksdb.WriteBatchFrom(b.rep)
	defer native.Destroy()
	if err := s.db.Write(opts, native); err != nil {
		return s.fail("write a batch", err)
	}
	s.written.Add(uint64(len(b.rep)))
	return nil
}
