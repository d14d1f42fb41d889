package votelog

import (
	"errors"
	"fmt"
	"math"
)

// unknownSeq stands for "any sequence may have been here".
const unknownSeq = math.MaxUint64

// found is one valid record.
type found struct {
	seq     uint64
	both    uint64 // newest sequence known in both copies when it was written
	file    string
	segment uint64 // 0 for slots
	offset  int64
	payload []byte
}

// scan is what reading a file, or a whole copy, gave.
type scan struct {
	records []found
	// hidden is the highest sequence that may have been completely written here
	// and cannot be read: a damaged record, not a torn one. 0: none.
	hidden uint64
	damage []Damage
}

func (s *scan) best() (found, bool) {
	if len(s.records) == 0 {
		return found{}, false
	}
	return s.records[len(s.records)-1], true
}

func (s *scan) hide(seq uint64) { s.hidden = max(s.hidden, seq) }

// add appends what a later file of the same copy holds.
func (s *scan) add(later scan) {
	for _, r := range later.records {
		s.accept(r)
	}
	s.damage = append(s.damage, later.damage...)
	s.hide(later.hidden)
}

// accept adds a valid record. What is hidden before it is older than it is.
func (s *scan) accept(r found) {
	if best, ok := s.best(); ok && r.seq <= best.seq {
		s.damage = append(s.damage, Damage{
			Kind: DamageRecord, File: r.file, Offset: r.offset, Seq: r.seq,
			Text: fmt.Sprintf("follows record %d; ignored", best.seq),
		})
		return
	}
	if s.hidden >= r.seq {
		s.hidden = r.seq - 1
	}
	s.records = append(s.records, r)
}

// scanner walks one file.
type scanner struct {
	file    string
	segment uint64
	data    []byte // whole pages
	seed    uint32
	lost    uint64 // record whose head was last found damaged
	out     scan
}

func newScanner(p place, file string, segment uint64, data []byte) *scanner {
	whole := len(data) / pageBytes * pageBytes
	return &scanner{file: file, segment: segment, data: data[:whole], seed: p.seed()}
}

func (s *scanner) stampAt(sector int) stamp {
	return readStamp(s.seed, uint64(sector), s.data[sector*sectorBytes:(sector+1)*sectorBytes])
}

func (s *scanner) report(kind DamageKind, sector int, seq uint64, text string) {
	s.out.damage = append(s.out.damage, Damage{
		Kind: kind, File: s.file, Offset: int64(sector) * sectorBytes, Seq: seq, Text: text,
	})
}

// scanSegment reads every record of a segment; reading goes on past bad ones.
// // rule: log-open
func scanSegment(p place, file string, segment uint64, data []byte) (scan, error) {
	s := newScanner(p, file, segment, data)
	for page := 0; page < len(s.data)/pageBytes; {
		pages, err := s.record(page * pageSectors)
		if err != nil {
			return scan{}, err
		}
		page += pages
	}
	s.gaps()
	return s.out, nil
}

// scanSlot reads the one record of a slot.
func scanSlot(p place, file string, data []byte) (scan, error) {
	s := newScanner(p, file, 0, data)
	if len(s.data) == 0 {
		return s.out, nil
	}
	_, err := s.record(0)
	return s.out, err
}

// record judges what begins at a page's first sector and returns how many pages
// it spans.
func (s *scanner) record(sector int) (int, error) {
	st := s.stampAt(sector)
	if st.state != sectorStamped || st.index != 0 {
		s.headless(sector, st)
		return 1, nil
	}
	h, err := readHeader(s.data[sector*sectorBytes:], st)
	if err != nil {
		if newer := (*VersionError)(nil); errors.As(err, &newer) {
			return 0, fmt.Errorf("%s at %d: %w", s.file, sector*sectorBytes, err)
		}
		s.report(DamageRecord, sector, st.seq, err.Error())
		s.out.hide(st.seq)
		return 1, nil
	}
	extent := int(sealedBytes(h.length) / sectorBytes)
	if damaged, missing := s.extent(sector, extent, st.seq); damaged+missing > 0 {
		s.broken(sector, st.seq, damaged, missing)
		return extent / pageSectors, nil
	}
	payload, err := unseal(s.data[sector*sectorBytes:(sector+extent)*sectorBytes], h)
	if err != nil {
		s.report(DamageRecord, sector, st.seq, err.Error())
		s.out.hide(st.seq)
		return extent / pageSectors, nil
	}
	s.out.accept(found{
		seq: st.seq, both: h.both, file: s.file, segment: s.segment,
		offset: int64(sector) * sectorBytes, payload: payload,
	})
	return extent / pageSectors, nil
}

// extent counts a record's sectors that are damaged, and those that never got
// there: zero, of another record, or past the end of the file.
func (s *scanner) extent(first, sectors int, seq uint64) (damaged, missing int) {
	for i := range sectors {
		if (first+i+1)*sectorBytes > len(s.data) {
			return damaged, missing + sectors - i
		}
		st := s.stampAt(first + i)
		switch {
		case st.state == sectorDamaged:
			damaged++
		case st.state == sectorZero || st.seq != seq || st.index != uint32(i):
			missing++
		}
	}
	return damaged, missing
}

// broken reports a record whose head is whole. One that misses a sector was cut
// short, so its write never returned; one that is only damaged may have returned.
func (s *scanner) broken(sector int, seq uint64, damaged, missing int) {
	if missing > 0 {
		s.report(DamageTorn, sector, seq, fmt.Sprintf("write cut short by a crash: %d sectors missing, %d damaged", missing, damaged))
		return
	}
	s.report(DamageSector, sector, seq, fmt.Sprintf("%d sectors damaged", damaged))
	s.out.hide(seq)
}

// headless judges a page whose first sector begins no valid record.
func (s *scanner) headless(sector int, first stamp) {
	var zero, damaged int
	var newest uint64
	mixed := false
	for i := range pageSectors {
		st := s.stampAt(sector + i)
		switch st.state {
		case sectorZero:
			zero++
		case sectorDamaged:
			damaged++
		case sectorStamped:
			mixed = mixed || (newest != 0 && st.seq != newest)
			newest = max(newest, st.seq)
		}
	}
	if first.state == sectorStamped && damaged == 0 && first.seq == s.lost {
		return // more of what was reported
	}
	s.lost = newest
	switch {
	case zero == pageSectors: // never written
	case first.state != sectorDamaged && damaged == 0:
		s.report(DamageTorn, sector, newest, "write cut short by a crash: its beginning is missing")
	case first.state != sectorDamaged || zero > 0 || mixed:
		s.report(DamageSector, sector, newest, fmt.Sprintf("%d sectors damaged where no complete record was", damaged))
	case newest == 0:
		s.report(DamageSector, sector, 0, "a whole page damaged")
		s.out.hide(unknownSeq)
	default:
		s.report(DamageSector, sector, newest, fmt.Sprintf("%d sectors damaged, the record's header among them", damaged))
		s.out.hide(newest)
	}
}

// gaps reports sequences missing inside a segment.
func (s *scanner) gaps() {
	for i := 1; i < len(s.out.records); i++ {
		a, b := s.out.records[i-1], s.out.records[i]
		if b.seq != a.seq+1 {
			s.out.damage = append(s.out.damage, Damage{
				Kind: DamageGap, File: s.file, Offset: b.offset, Seq: a.seq + 1,
				Text: fmt.Sprintf("records %d to %d missing", a.seq+1, b.seq-1),
			})
		}
	}
}
