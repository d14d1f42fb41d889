package votelog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// The layout of a record on disk, integers little-endian:
//
//	sector  data (496) | seq u64 | index u32 | crc32c u32
//	record  header, payload, zeros: the data of its sectors, index 0, 1, ...
//	header  magic (8) | version u32 | length u32 | crc32c of the payload u32 |
//	        reserved u32 | seq u64 | both u64 | owner (32)
//
// Both is the newest sequence that both copies were known to hold. A torn write
// uses up its sequence, so that no two writes ever share one.
// A sector's CRC also covers its owner, file and place, so that one that a disk
// put elsewhere does not count.
const (
	sectorBytes = disk.SectorBytes
	stampBytes  = 16
	dataBytes   = sectorBytes - stampBytes
	pageSectors = 8
	pageBytes   = pageSectors * sectorBytes
	headerBytes = 72

	formatVersion = 1
)

var (
	magic      = [8]byte{'B', 'R', 'V', 'O', 'T', 'E', 'L', 'G'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// place names a file of one owner's log: a segment's number, or slotPlace.
type place struct {
	owner [32]byte
	file  uint64
}

func slotPlace(owner [32]byte, slot int) place {
	return place{owner: owner, file: 1<<63 | uint64(slot)}
}

// seed is what the CRC of each sector in the file begins with.
func (p place) seed() uint32 {
	var b [40]byte
	copy(b[:], p.owner[:])
	binary.LittleEndian.PutUint64(b[32:], p.file)
	return crc32.Update(0, castagnoli, b[:])
}

func sectorCRC(seed uint32, number uint64, sector []byte) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], number)
	crc := crc32.Update(seed, castagnoli, b[:])
	return crc32.Update(crc, castagnoli, sector[:sectorBytes-4])
}

// sealedBytes is the room that a payload of n bytes takes in a file.
func sealedBytes(n int) int64 {
	sectors := (int64(headerBytes+n) + dataBytes - 1) / dataBytes
	pages := (sectors + pageSectors - 1) / pageSectors
	return pages * pageBytes
}

// seal lays a record out for the given place and offset (a multiple of pageBytes).
func seal(p place, offset int64, both, seq uint64, payload []byte) []byte {
	out := make([]byte, sealedBytes(len(payload)))
	var head [headerBytes]byte
	copy(head[:8], magic[:])
	binary.LittleEndian.PutUint32(head[8:], formatVersion)
	binary.LittleEndian.PutUint32(head[12:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[16:], crc32.Checksum(payload, castagnoli))
	binary.LittleEndian.PutUint64(head[24:], seq)
	binary.LittleEndian.PutUint64(head[32:], both)
	copy(head[40:], p.owner[:])

	seed, first := p.seed(), uint64(offset)/sectorBytes
	rest := payload
	for i := 0; i*sectorBytes < len(out); i++ {
		sector := out[i*sectorBytes : (i+1)*sectorBytes]
		data := sector[:dataBytes]
		if i == 0 {
			data = data[copy(data, head[:]):]
		}
		rest = rest[copy(data, rest):]
		binary.LittleEndian.PutUint64(sector[dataBytes:], seq)
		binary.LittleEndian.PutUint32(sector[dataBytes+8:], uint32(i))
		binary.LittleEndian.PutUint32(sector[dataBytes+12:], sectorCRC(seed, first+uint64(i), sector))
	}
	return out
}

// sectorState is what a sector looks like on its own.
type sectorState uint8

const (
	sectorZero    sectorState = iota // never written
	sectorStamped                    // as it was written
	sectorDamaged                    // neither
)

type stamp struct {
	state sectorState
	seq   uint64
	index uint32
}

// readStamp judges sector number n of a file whose seed is given.
func readStamp(seed uint32, n uint64, sector []byte) stamp {
	seq := binary.LittleEndian.Uint64(sector[dataBytes:])
	index := binary.LittleEndian.Uint32(sector[dataBytes+8:])
	if sectorCRC(seed, n, sector) == binary.LittleEndian.Uint32(sector[dataBytes+12:]) {
		return stamp{state: sectorStamped, seq: seq, index: index}
	}
	for _, b := range sector {
		if b != 0 {
			return stamp{state: sectorDamaged}
		}
	}
	return stamp{state: sectorZero}
}

// header is the head of a record, from a sector whose stamp is valid.
type header struct {
	both   uint64
	length int
	crc    uint32
}

func readHeader(sector []byte, st stamp) (header, error) {
	if [8]byte(sector[:8]) != magic {
		return header{}, fmt.Errorf("no record begins here")
	}
	if v := binary.LittleEndian.Uint32(sector[8:]); v != formatVersion {
		return header{}, &VersionError{Version: v}
	}
	length := binary.LittleEndian.Uint32(sector[12:])
	if length > MaxRecordBytes {
		return header{}, fmt.Errorf("length %d above %d", length, MaxRecordBytes)
	}
	if seq := binary.LittleEndian.Uint64(sector[24:]); seq != st.seq {
		return header{}, fmt.Errorf("header of record %d in a sector of record %d", seq, st.seq)
	}
	return header{
		both:   binary.LittleEndian.Uint64(sector[32:]),
		length: int(length),
		crc:    binary.LittleEndian.Uint32(sector[16:]),
	}, nil
}

// VersionError says that the log was written by a newer program.
type VersionError struct{ Version uint32 }

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("vote log has format %d, this program knows %d: start the newer program", e.Version, formatVersion)
}

// unseal takes the payload out of a record's sectors.
func unseal(sealed []byte, h header) ([]byte, error) {
	payload := make([]byte, 0, h.length)
	for i := 0; i*sectorBytes < len(sealed) && len(payload) < h.length; i++ {
		data := sealed[i*sectorBytes : i*sectorBytes+dataBytes]
		if i == 0 {
			data = data[headerBytes:]
		}
		payload = append(payload, data[:min(len(data), h.length-len(payload))]...)
	}
	if crc := crc32.Checksum(payload, castagnoli); crc != h.crc {
		return nil, fmt.Errorf("payload has CRC %08x, its header says %08x", crc, h.crc)
	}
	return payload, nil
}
