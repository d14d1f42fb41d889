package executor

import (
	"encoding/binary"

	"github.com/bedrock-bft/bedrock/executor/state"
)

// list is a cursor over the request of an import. The first violation sticks:
// what is read after it is zero.
type list struct {
	name string
	rest []byte
	err  error
}

// newList reads a list's count, bounded by limit and by the bytes that are
// there, each entry taking one at least.
func newList(name string, request []byte, limit int) (l list, count int) {
	l = list{name: name, rest: request}
	count = int(l.u32())
	if count > limit || count > len(l.rest) {
		l.fail("%d entries in %d bytes, at most %d", count, len(l.rest), limit)
		return l, 0
	}
	return l, count
}

func (l *list) fail(format string, args ...any) {
	if l.err == nil {
		l.err = violatef(l.name+": "+format, args...)
		l.rest = nil
	}
}

func (l *list) take(n int) []byte {
	if n > len(l.rest) {
		l.fail("the list ends within an entry")
		return nil
	}
	head := l.rest[:n:n]
	l.rest = l.rest[n:]
	return head
}

func (l *list) u8() uint8 {
	if b := l.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (l *list) u16() uint16 {
	if b := l.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (l *list) u32() uint32 {
	if b := l.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (l *list) u64() uint64 {
	if b := l.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (l *list) address() (address state.Address) {
	copy(address[:], l.take(len(address)))
	return address
}

func (l *list) path() state.Path {
	path, n, err := state.ParsePath(l.rest)
	if err != nil {
		l.fail("%v", err)
		return path
	}
	l.rest = l.rest[n:]
	return path
}

func (l *list) page() state.PageID { return state.PageID{Version: l.u64(), Path: l.path()} }

// short reads bytes behind a u16, long behind a u32, their number within
// [least, most].
func (l *list) short(what string, least, most int) []byte {
	return l.bounded(what, int(l.u16()), least, most)
}

func (l *list) long(what string, least, most int) []byte {
	return l.bounded(what, int(l.u32()), least, most)
}

func (l *list) bounded(what string, n, least, most int) []byte {
	if l.err == nil && (n < least || n > most) {
		l.fail("%s of %d bytes, want %d to %d", what, n, least, most)
		return nil
	}
	return l.take(n)
}

// end is the list's violation, if there was one.
func (l *list) end() error {
	if l.err == nil && len(l.rest) > 0 {
		l.fail("%d bytes after the last entry", len(l.rest))
	}
	return l.err
}
