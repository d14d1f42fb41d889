package wasmscan

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var errShort = errors.New("the module ends too early")

// reader is a cursor over the module's bytes. After the first error it answers
// zero values; err holds what was wrong.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
		r.rest = nil
	}
}

func (r *reader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.rest)) {
		r.fail("%w", errShort)
		return nil
	}
	head := r.rest[:n]
	r.rest = r.rest[n:]
	return head
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// unsigned reads an unsigned LEB128 of at most that many bits.
func (r *reader) unsigned(bits int) uint64 {
	var value uint64
	for shift := 0; shift < bits; shift += 7 {
		b := r.byte()
		if left := bits - shift; left < 7 && b>>left != 0 {
			break
		}
		value |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return value
		}
	}
	r.fail("a number is longer than %d bits", bits)
	return 0
}

func (r *reader) u32() uint32 { return uint32(r.unsigned(32)) }

// skipSigned passes a signed LEB128 of at most that many bytes.
func (r *reader) skipSigned(most int) {
	for range most {
		if r.byte()&0x80 == 0 {
			return
		}
	}
	r.fail("a number is longer than %d bytes", most)
}

// count reads how many entries follow; each takes a byte at least.
func (r *reader) count() int {
	n := r.u32()
	if uint64(n) > uint64(len(r.rest)) {
		r.fail("%d entries in %d bytes", n, len(r.rest))
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	b := r.take(uint64(r.u32()))
	if !utf8.Valid(b) {
		r.fail("a name is not UTF-8")
	}
	return string(b)
}
