package executor

import (
	"bytes"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// fields reads one protobuf message strictly: field numbers in ascending order,
// none unknown, none doubled unless repeated. What a decoder lets pass decides
// an outcome, so this one is the host's own. The first error sticks.
type fields struct {
	message string
	rest    []byte
	last    protowire.Number
	kind    protowire.Type
	err     error
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = malformedf(f.message+": "+format, args...)
		f.rest = nil
	}
}

// next is the number of the next field, 0 at the end or after an error. Only
// repeated may come again.
func (f *fields) next(repeated protowire.Number) protowire.Number {
	if len(f.rest) == 0 {
		return 0
	}
	number, kind, n := protowire.ConsumeTag(f.rest)
	switch {
	case n < 0:
		f.fail("malformed tag")
		return 0
	case number < f.last || number == f.last && number != repeated:
		f.fail("field %d after field %d", number, f.last)
		return 0
	}
	f.rest, f.last, f.kind = f.rest[n:], number, kind
	return number
}

func (f *fields) unknown() { f.fail("field %d is unknown", f.last) }

// bytes is a field's content, where it lies.
func (f *fields) bytes() []byte {
	if f.kind != protowire.BytesType {
		f.fail("field %d has wire type %d", f.last, f.kind)
		return nil
	}
	content, n := protowire.ConsumeBytes(f.rest)
	if n < 0 {
		f.fail("field %d is cut short", f.last)
		return nil
	}
	f.rest = f.rest[n:]
	return content
}

func (f *fields) number(most uint64) uint64 {
	if f.kind != protowire.VarintType {
		f.fail("field %d has wire type %d", f.last, f.kind)
		return 0
	}
	value, n := protowire.ConsumeVarint(f.rest)
	if n < 0 || value > most {
		f.fail("field %d is no number up to %d", f.last, most)
		return 0
	}
	f.rest = f.rest[n:]
	return value
}

func (f *fields) hash() (hash [32]byte) {
	content := f.bytes()
	if f.err == nil && len(content) != len(hash) {
		f.fail("field %d has %d bytes, want %d", f.last, len(content), len(hash))
	}
	copy(hash[:], content)
	return hash
}

// copied is a field's content of at most that many bytes, copied.
func (f *fields) copied(most int) []byte {
	content := f.bytes()
	if len(content) > most {
		f.fail("field %d has %d bytes, at most %d", f.last, len(content), most)
		return nil
	}
	return bytes.Clone(content)
}

// text is a field's text, cut to at most that many bytes at a letter's border.
func (f *fields) text(most int) string {
	content := f.bytes()
	if !utf8.Valid(content) {
		f.fail("field %d is not UTF-8", f.last)
		return ""
	}
	if len(content) > most {
		for most > 0 && !utf8.RuneStart(content[most]) {
			most--
		}
		content = content[:most]
	}
	return string(content)
}

// Largest values of the number fields.
const (
	maxU32  = 1<<32 - 1
	maxU64  = 1<<64 - 1
	maxBool = 1
)
