package types

import "encoding/binary"

// The fixed layout of docs/encodings.md: little-endian integers, raw hashes,
// `var` byte strings behind a u32 length, and domain tags.

func appendTag(b []byte, tag string) []byte {
	b = append(b, byte(len(tag)))
	return append(b, tag...)
}

func appendU16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }
func appendU32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }
func appendU64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

func appendVar(b, v []byte) []byte {
	b = appendU32(b, uint32(len(v)))
	return append(b, v...)
}
