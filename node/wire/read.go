package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bedrock-bft/bedrock/node/types"
)

// ErrMalformed is wrapped by every error of a decoder.
var ErrMalformed = errors.New("malformed message")

// reader takes the fields of one message in rising order. The first error sticks,
// and everything read after it is zero.
type reader struct {
	what string
	b    []byte
	err  *error // shared with nested readers
}

func newReader(what string, b []byte) *reader { return &reader{what: what, b: b, err: new(error)} }

func (r *reader) fail(format string, args ...any) {
	if *r.err == nil {
		*r.err = fmt.Errorf("%w: %s: %s", ErrMalformed, r.what, fmt.Sprintf(format, args...))
	}
	r.b = nil
}

// take consumes the tag if the next field is num.
func (r *reader) take(num protowire.Number, typ protowire.Type) bool {
	if *r.err != nil || len(r.b) == 0 {
		return false
	}
	want := protowire.EncodeTag(num, typ)
	if r.b[0]&0x80 != 0 || uint64(r.b[0]) != want { // all our tags fit one byte
		return false
	}
	r.b = r.b[1:]
	return true
}

// uint reads a varint of at most max; absent is 0.
func (r *reader) uint(num protowire.Number, max uint64) uint64 {
	if !r.take(num, protowire.VarintType) {
		return 0
	}
	v, n := protowire.ConsumeVarint(r.b)
	switch {
	case n < 0 || n != protowire.SizeVarint(v):
		r.fail("field %d: not the shortest varint", num)
		return 0
	case v == 0:
		r.fail("field %d: default value written", num)
		return 0
	case v > max:
		r.fail("field %d: %d is above %d", num, v, max)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) u64(num protowire.Number) uint64 { return r.uint(num, 1<<64-1) }
func (r *reader) u32(num protowire.Number) uint32 { return uint32(r.uint(num, 1<<32-1)) }

// delimited reads a length and that many bytes, at most max.
func (r *reader) delimited(num protowire.Number, max int) []byte {
	v, n := protowire.ConsumeVarint(r.b)
	switch {
	case n < 0 || n != protowire.SizeVarint(v):
		r.fail("field %d: not the shortest length", num)
		return nil
	case v > uint64(max):
		r.fail("field %d: %d bytes, at most %d", num, v, max)
		return nil
	case v > uint64(len(r.b)-n):
		r.fail("field %d: cut short", num)
		return nil
	}
	out := r.b[n : n+int(v) : n+int(v)]
	r.b = r.b[n+int(v):]
	return out
}

// bytes reads a byte string of 1 to max bytes; absent is nil.
func (r *reader) bytes(num protowire.Number, max int) []byte {
	if !r.take(num, protowire.BytesType) {
		return nil
	}
	out := r.delimited(num, max)
	if *r.err == nil && len(out) == 0 {
		r.fail("field %d: default value written", num)
	}
	return out
}

// hash reads 32 bytes that are not all zero; absent is zero.
func (r *reader) hash(num protowire.Number) types.Hash {
	b := r.bytes(num, len(types.Hash{}))
	if b == nil {
		return types.Hash{}
	}
	h, err := types.HashFromBytes(b)
	if err != nil || h.IsZero() {
		r.fail("field %d: not a hash", num)
	}
	return h
}

// message gives a reader of a nested message; absent is nil.
func (r *reader) message(num protowire.Number, what string) *reader {
	if !r.take(num, protowire.BytesType) {
		return nil
	}
	b := r.delimited(num, len(r.b))
	if *r.err != nil {
		return nil
	}
	return &reader{what: r.what + "." + what, b: b, err: r.err}
}

// list reads repeated byte strings: at most count, each at most each bytes.
func (r *reader) list(num protowire.Number, count, each int) [][]byte {
	n := r.count(num, count)
	if n == 0 {
		return nil
	}
	out := make([][]byte, 0, n)
	for r.take(num, protowire.BytesType) {
		out = append(out, r.delimited(num, each))
	}
	return out
}

// count looks ahead how many fields num follow, and fails above max.
func (r *reader) count(num protowire.Number, max int) int {
	n := 0
	for b := r.b; len(b) > 0 && uint64(b[0]) == protowire.EncodeTag(num, protowire.BytesType); n++ {
		size, k := protowire.ConsumeVarint(b[1:])
		if k < 0 || size > uint64(len(b)-1-k) {
			r.fail("field %d: cut short", num)
			return 0
		}
		b = b[1+k+int(size):]
		if n == max {
			r.fail("field %d: more than %d entries", num, max)
			return 0
		}
	}
	return n
}

// end fails if something is left.
func (r *reader) end() {
	if *r.err == nil && len(r.b) != 0 {
		r.fail("unknown, repeated or misplaced field after the last known one")
	}
}

// require fails if a nested message is absent.
func (r *reader) require(present bool, field string) {
	if *r.err == nil && !present {
		r.fail("%s is missing", field)
	}
}
