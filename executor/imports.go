package executor

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// The spaces of state_read and state_write.
const (
	spaceValues = 0
	spacePages  = 1
	spaceStale  = 2
)

// absent stands for a row that is not there in the answer of state_read.
const absent = 0xFFFF_FFFF

// reading is the working space of one state_read.
type reading struct {
	spaces    []byte // of each entry, in order
	addresses []state.Address
	ids       []state.PageID
	rows      []state.Row
	pages     [][]byte
}

var readings sync.Pool

func (c *call) stateRead(request, memory []byte, out, capacity uint32) (uint32, error) {
	r := c.found
	if r == nil || !bytes.Equal(request, c.asked) {
		r = new(reading)
		if spare, ok := readings.Get().(*reading); ok {
			r = spare
		}
		if err := r.parse(request, c.limits); err != nil {
			return 0, err
		}
		if err := c.fetch(r); err != nil {
			return 0, err
		}
	}
	c.asked, c.found = nil, nil
	need := r.size()
	room, ok, err := c.room(need, memory, out, capacity, "state_read")
	switch {
	case err != nil:
		return 0, err
	case ok:
		r.encode(room)
		r.release()
	default:
		c.asked, c.found = bytes.Clone(request), r
	}
	return uint32(need), nil
}

func (r *reading) parse(request []byte, limits *Limits) error {
	r.spaces, r.addresses, r.ids = r.spaces[:0], r.addresses[:0], r.ids[:0]
	l, count := newList("state_read", request, limits.ListEntries)
	for range count {
		space := l.u8()
		switch space {
		case spaceValues:
			r.addresses = append(r.addresses, l.address())
		case spacePages:
			r.ids = append(r.ids, l.page())
		default:
			l.fail("space %d is unknown", space)
		}
		if l.err != nil {
			break
		}
		r.spaces = append(r.spaces, space)
	}
	return l.end()
}

// release gives the working space back without what it pointed to.
func (r *reading) release() {
	clear(r.rows)
	clear(r.pages)
	readings.Put(r)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// fetch reads what was asked for; an error of the reader is the host's.
func (c *call) fetch(r *reading) error {
	r.rows, r.pages = resize(r.rows, len(r.addresses)), resize(r.pages, len(r.ids))
	clear(r.rows)
	clear(r.pages)
	if c.reader != nil {
		if len(r.rows) > 0 {
			if err := c.reader.ReadValues(r.rows, r.addresses); err != nil {
				return err
			}
		}
		if len(r.pages) > 0 {
			if err := c.reader.ReadPages(r.pages, r.ids); err != nil {
				return err
			}
		}
	}
	c.witness.record(r)
	return nil
}

// size is the length of the encoded answer.
func (r *reading) size() int {
	size := 4 + 4*len(r.spaces)
	for i := range r.rows {
		if row := &r.rows[i]; row.Present {
			size += 2 + len(row.Key) + len(row.Value)
		}
	}
	for _, page := range r.pages {
		size += len(page)
	}
	return size
}

// encode writes the answer into dst, which is size bytes long.
func (r *reading) encode(dst []byte) {
	binary.LittleEndian.PutUint32(dst, uint32(len(r.spaces)))
	at, row, page := 4, 0, 0
	for _, space := range r.spaces {
		length := dst[at:]
		at += 4
		start := at
		if space == spaceValues {
			at += r.encodeRow(dst[at:], row)
			row++
		} else {
			at += copy(dst[at:], r.pages[page])
			page++
		}
		if at == start {
			binary.LittleEndian.PutUint32(length, absent)
			continue
		}
		binary.LittleEndian.PutUint32(length, uint32(at-start))
	}
}

func (r *reading) encodeRow(dst []byte, at int) int {
	row := &r.rows[at]
	if !row.Present {
		return 0
	}
	binary.LittleEndian.PutUint16(dst, uint16(len(row.Key)))
	n := 2 + copy(dst[2:], row.Key)
	return n + copy(dst[n:], row.Value)
}

// stateWrite copies the request once; rows and pages share that copy.
func (c *call) stateWrite(request []byte) error {
	l, count := newList("state_write", bytes.Clone(request), c.limits.ListEntries)
	for range count {
		switch space := l.u8(); space {
		case spaceValues:
			c.writeValue(&l)
		case spacePages:
			path := l.path()
			page := l.long("page", 1, c.limits.PageBytes)
			if l.err == nil {
				c.overlay.PutPage(path, page)
			}
		case spaceStale:
			if id := l.page(); l.err == nil {
				c.overlay.PutStale(id)
			}
		default:
			l.fail("space %d is unknown", space)
		}
		if l.err != nil {
			break
		}
	}
	if l.err == nil && c.overlay.Bytes() > c.limits.WriteBytes {
		l.fail("the block wrote %d bytes, at most %d", c.overlay.Bytes(), c.limits.WriteBytes)
	}
	return l.end()
}

func (c *call) writeValue(l *list) {
	flag := l.u8()
	w := state.ValueWrite{Address: l.address(), Key: l.short("raw key", 1, c.limits.KeyBytes)}
	switch flag {
	case 0:
		w.Tombstone = true
		l.long("value of a tombstone", 0, 0)
	case 1:
		w.Value = l.long("value", 1, c.limits.ValueBytes)
	default:
		l.fail("flag %d is unknown", flag)
	}
	if l.err == nil {
		c.overlay.PutValue(w)
	}
}

func (c *call) emitEvent(request []byte) error {
	log := c.events
	l, count := newList("emit_event", request, min(c.limits.ListEntries, c.limits.Events-len(log.events)))
	log.events, log.of = slices.Grow(log.events, count), slices.Grow(log.of, count)
	for range count {
		transaction := int(l.u32())
		event := c.event(&l)
		if l.err == nil && (transaction >= log.transactions || transaction < log.last()) {
			l.fail("event of transaction %d after one of %d, in a block of %d", transaction, log.last(), log.transactions)
		}
		if l.err != nil {
			break
		}
		log.events, log.of = append(log.events, event), append(log.of, int32(transaction))
	}
	return l.end()
}

// event reads one event. Its values share one copy.
func (c *call) event(l *list) receipts.Event {
	event := receipts.Event{Type: c.name(l, "event type", c.limits.EventTypeBytes)}
	count := int(l.u16())
	if count > c.limits.EventAttributes {
		l.fail("%d attributes, at most %d", count, c.limits.EventAttributes)
		return event
	}
	event.Attributes = make([]receipts.Attribute, count)
	size := 0
	for i := range event.Attributes {
		event.Attributes[i].Key = c.name(l, "attribute key", c.limits.EventKeyBytes)
		event.Attributes[i].Value = l.long("attribute value", 0, c.limits.EventValueBytes)
		size += len(event.Attributes[i].Value)
	}
	values := make([]byte, 0, size)
	for i := range event.Attributes {
		value := &event.Attributes[i].Value
		start := len(values)
		values = append(values, *value...)
		*value = values[start:len(values):len(values)]
	}
	return event
}

// name reads the type of an event or the key of an attribute.
func (c *call) name(l *list, what string, most int) string {
	b := l.short(what, 1, most)
	if name, ok := c.events.names[string(b)]; ok {
		return name
	}
	if !utf8.Valid(b) {
		l.fail("%s is not UTF-8", what)
	}
	name := string(b)
	if c.events.names == nil {
		c.events.names = make(map[string]string)
	}
	if len(c.events.names) < mostNames {
		c.events.names[name] = name
	}
	return name
}

// consumeGas takes the leading amounts that fit into what is left, and nothing
// but the context's gas limit decides.
func (c *call) consumeGas(request []byte) (uint32, error) {
	l, count := newList("consume_gas", request, c.limits.ListEntries)
	fitted, left := uint32(0), c.gasLeft
	for i := range count {
		amount := l.u64()
		if l.err != nil {
			break
		}
		if uint32(i) == fitted && amount <= left {
			left -= amount
			fitted++
		}
	}
	if err := l.end(); err != nil {
		return 0, err
	}
	c.gasLeft = left
	return fitted, nil
}
