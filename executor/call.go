package executor

import (
	"context"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/executor/internal/sandbox"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// Reader is the state that a call reads; *state.View is one.
type Reader interface {
	Ref() state.Ref
	ReadValues(dst []state.Row, addresses []state.Address) error
	ReadPages(dst [][]byte, ids []state.PageID) error
}

// Usage is what a call took.
type Usage struct {
	// Fuel is exact for a call that did not trap.
	Fuel uint64
	// MemoryBytes is the instance's memory at the end.
	MemoryBytes int
	// HostCalls and HostTime count the imports.
	HostCalls int
	HostTime  time.Duration
}

// call is one run's side of the imports. Each run, a repeated one too, has a
// fresh one.
type call struct {
	ctx      context.Context
	limits   *Limits
	reader   Reader         // nil: state_read traps
	empty    bool           // reads find nothing, as in genesis
	overlay  *state.Overlay // nil: state_write traps
	metadata []byte         // nil: block_metadata and consume_gas trap
	gasLeft  uint64
	events   *eventLog // nil: emit_event traps
	witness  *Witness  // may be nil
	usage    Usage

	// asked is the state_read whose answer did not fit the module's buffer, and
	// found what was read for it: the module asks again at once.
	asked []byte
	found *reading
}

// eventLog collects a block's events, in the order of their transactions.
type eventLog struct {
	transactions int
	events       []receipts.Event
	of           []int32 // the transaction of each
	// names holds types and keys, which are few, each once.
	names map[string]string
}

// mostNames bounds names: a module may make up others.
const mostNames = 256

// last is the transaction of the event that was emitted last.
func (l *eventLog) last() int {
	if len(l.of) == 0 {
		return 0
	}
	return int(l.of[len(l.of)-1])
}

// take gives the events of a transaction; transactions are asked for in order.
func (l *eventLog) take(transaction int) []receipts.Event {
	n := 0
	for n < len(l.of) && int(l.of[n]) == transaction {
		n++
	}
	events := l.events[:n:n]
	l.events, l.of = l.events[n:], l.of[n:]
	if n == 0 {
		return nil
	}
	return events
}

// Call answers one import (sandbox.Host).
func (c *call) Call(number int, args [4]uint32, memory []byte) (uint32, error) {
	if c.ctx != nil {
		if err := c.ctx.Err(); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	result, err := c.dispatch(number, args, memory)
	c.usage.HostCalls++
	c.usage.HostTime += time.Since(start)
	return result, err
}

func (c *call) dispatch(number int, args [4]uint32, memory []byte) (uint32, error) {
	name := imports[number].Name
	if !c.allowed(number) {
		return 0, violatef("%s is not open to this export", name)
	}
	if number == importBlockMetadata {
		return c.deliver(c.metadata, memory, args[0], args[1], name)
	}
	request, err := c.span(memory, args[0], args[1], name)
	if err != nil {
		return 0, err
	}
	switch number {
	case importStateRead:
		return c.stateRead(request, memory, args[2], args[3])
	case importStateWrite:
		return 0, c.stateWrite(request)
	case importEmitEvent:
		return 0, c.emitEvent(request)
	default:
		return c.consumeGas(request)
	}
}

func (c *call) allowed(number int) bool {
	switch number {
	case importStateRead:
		return c.reader != nil || c.empty
	case importStateWrite:
		return c.overlay != nil
	case importEmitEvent:
		return c.events != nil
	default:
		return c.metadata != nil
	}
}

// span is a range of the module's memory, its length bounded before anything is
// copied.
func (c *call) span(memory []byte, at, length uint32, name string) ([]byte, error) {
	if int64(length) > int64(c.limits.AnswerBytes) {
		return nil, violatef("%s: a request of %d bytes, at most %d", name, length, c.limits.AnswerBytes)
	}
	end := uint64(at) + uint64(length)
	if end > uint64(len(memory)) {
		return nil, violatef("%s: a request at %d of %d bytes in a memory of %d", name, at, length, len(memory))
	}
	return memory[at:end:end], nil
}

// room is where an answer goes; ok is false if it does not fit there.
func (c *call) room(need int, memory []byte, out, capacity uint32, name string) (room []byte, ok bool, err error) {
	if need > c.limits.AnswerBytes {
		return nil, false, violatef("%s: an answer of %d bytes, at most %d: ask for fewer", name, need, c.limits.AnswerBytes)
	}
	if uint64(need) > uint64(capacity) {
		return nil, false, nil
	}
	end := uint64(out) + uint64(capacity)
	if end > uint64(len(memory)) {
		return nil, false, violatef("%s: room at %d of %d bytes in a memory of %d", name, out, capacity, len(memory))
	}
	return memory[out : int(out)+need], true, nil
}

func (c *call) deliver(answer, memory []byte, out, capacity uint32, name string) (uint32, error) {
	room, ok, err := c.room(len(answer), memory, out, capacity, name)
	if ok {
		copy(room, answer)
	}
	return uint32(len(answer)), err
}

// unverifiable is the answer of a module whose state does not verify.
const unverifiable = uint64(0xFFFF_FFFF) << 32

// run runs one export and hands its answer to decode; the answer lives in the
// instance and is gone afterwards.
func (m *Module) run(c *call, export string, request []byte, fuel uint64, decode func(answer []byte) error) error {
	c.limits = &m.engine.limits
	usage, err := m.code.Run(sandbox.Call{Export: export, Request: request, Fuel: fuel, Host: c}, func(packed uint64, memory []byte) error {
		if packed == unverifiable && (c.reader != nil || c.empty) {
			return ErrUnverifiable
		}
		at, length := packed>>32, packed&0xFFFF_FFFF
		if length > uint64(c.limits.AnswerBytes) {
			return malformedf("%d bytes, at most %d", length, c.limits.AnswerBytes)
		}
		if at+length > uint64(len(memory)) {
			return malformedf("%d bytes at %d in a memory of %d", length, at, len(memory))
		}
		return decode(memory[at : at+length])
	})
	c.usage.Fuel, c.usage.MemoryBytes = usage.FuelUsed, usage.Memory
	err = classify(export, err)
	if _, fault := err.(*HostFault); fault && m.engine.onFault != nil && c.ctx.Err() == nil {
		m.engine.onFault(export, err)
	}
	return err
}

// twice runs attempt and, if the host failed it, once more
// (rule: host-fault); a cancelled call is not repeated.
func twice[T any](ctx context.Context, attempt func() (T, error)) (T, error) {
	result, err := attempt()
	if _, fault := err.(*HostFault); fault && ctx.Err() == nil {
		return attempt()
	}
	return result, err
}

// requests keeps buffers that requests are encoded in.
var requests = sync.Pool{New: func() any { return new([]byte) }}

// withRequest encodes a request into a buffer that is taken back afterwards.
func withRequest(limit int, encode func(dst []byte) ([]byte, error), use func(request []byte) error) error {
	buffer := requests.Get().(*[]byte)
	defer requests.Put(buffer)
	if *buffer == nil {
		*buffer = make([]byte, 0, 64<<10)
	}
	request, err := encode((*buffer)[:0])
	if err != nil {
		return inputf("encode request: %v", err)
	}
	*buffer = request
	if len(request) > limit {
		return inputf("a request of %d bytes, at most %d", len(request), limit)
	}
	return use(request)
}
