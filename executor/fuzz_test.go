package executor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/state"
)

// fuzzLimits are small enough that a fuzzer meets each of them.
func fuzzLimits() *Limits {
	limits, err := LimitsOf(EngineOne)
	if err != nil {
		panic(err)
	}
	limits.ListEntries, limits.AnswerBytes, limits.WriteBytes = 8, 1<<10, 512
	limits.KeyBytes, limits.ValueBytes, limits.PageBytes = 16, 64, 64
	limits.Events, limits.EventTypeBytes, limits.EventAttributes, limits.EventKeyBytes, limits.EventValueBytes = 8, 8, 4, 8, 32
	limits.LogBytes, limits.SenderBytes = 16, 8
	return &limits
}

// echo is a state that answers for every address and page, and knows what it was asked.
type echo struct{ asked int }

func (e *echo) Ref() state.Ref { return state.Ref{Height: 3} }

func (e *echo) ReadValues(dst []state.Row, addresses []state.Address) error {
	e.asked += len(addresses)
	for i, a := range addresses {
		if a[0]%2 == 0 {
			dst[i] = state.Row{Present: true, Key: a[:1], Value: a[:3]}
		}
	}
	return nil
}

func (e *echo) ReadPages(dst [][]byte, ids []state.PageID) error {
	e.asked += len(ids)
	for i, id := range ids {
		if id.Version%2 == 0 {
			dst[i] = []byte{id.Path.Len + 1, 7}
		}
	}
	return nil
}

func entriesOf(entries ...[]byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(entries)))
	return append(b, bytes.Join(entries, nil)...)
}

// FuzzImports plays a hostile module: the request of each import, in a memory of its
// own and at a place of its choice. It is answered or it is a violation; what was
// written stays within its bounds.
func FuzzImports(f *testing.F) {
	address, path := bytes.Repeat([]byte{2}, 32), []byte{3, 0xab, 0xc0}
	row := append(append([]byte{spaceValues, 1}, address...), 1, 0, 'k', 2, 0, 0, 0, 'v', 'w')
	gone := append(append([]byte{spaceValues, 0}, address...), 1, 0, 'k', 0, 0, 0, 0)
	page := append(append([]byte{spacePages}, path...), 2, 0, 0, 0, 9, 9)
	stale := append(append([]byte{spaceStale}, make([]byte, 8)...), path...)
	event := append([]byte{1, 0, 0, 0, 2, 0, 'h', 'i', 1, 0, 1, 0, 'a', 1, 0, 0, 0}, 'b')
	named := append(append([]byte{spacePages}, make([]byte, 8)...), path...)
	f.Add(byte(importStateRead), entriesOf(append([]byte{spaceValues}, address...), named), uint32(200), uint32(300))
	f.Add(byte(importStateRead), entriesOf(append([]byte{spaceValues}, address...)), uint32(200), uint32(2))
	f.Add(byte(importStateWrite), entriesOf(row, gone, page, stale), uint32(0), uint32(0))
	f.Add(byte(importEmitEvent), entriesOf(event), uint32(0), uint32(0))
	f.Add(byte(importConsumeGas), entriesOf(make([]byte, 8), bytes.Repeat([]byte{0xff}, 8), []byte{5, 0, 0, 0, 0, 0, 0, 0}), uint32(0), uint32(0))
	f.Add(byte(importBlockMetadata), []byte{}, uint32(0xffff_fff0), uint32(64))
	f.Add(byte(importStateRead), []byte{0xff, 0xff, 0xff, 0xff, 1}, uint32(0), uint32(0))
	f.Fuzz(func(t *testing.T, number byte, request []byte, out, capacity uint32) {
		limits, reader := fuzzLimits(), &echo{}
		c := &call{limits: limits, reader: reader, overlay: state.NewOverlay([32]byte{1}, [32]byte{}, state.Ref{Height: 4}),
			metadata: []byte("metadata"), gasLeft: 100, events: &eventLog{transactions: 3}}
		memory := append(bytes.Clone(request), make([]byte, 1<<10)...)
		args := [4]uint32{0, uint32(len(request)), out, capacity}
		if int(number)%len(imports) == importBlockMetadata {
			args = [4]uint32{out, capacity}
		}
		n, err := c.Call(int(number)%len(imports), args, memory)
		if violation := (*violation)(nil); err != nil && !errors.As(err, &violation) {
			t.Fatalf("a module's request is the host's fault: %v", err)
		}
		if !bytes.Equal(memory[:min(len(request), int(out))], request[:min(len(request), int(out))]) {
			t.Fatal("memory before the answer's place was written to")
		}
		if int64(n) > int64(limits.AnswerBytes) || reader.asked > limits.ListEntries {
			t.Fatalf("an answer of %d bytes for %d entries", n, reader.asked)
		}
		checkWritten(t, c, err)
	})
}

// checkWritten holds what an import left in the block's overlay and events to the limits.
func checkWritten(t *testing.T, c *call, err error) {
	t.Helper()
	if err == nil && c.overlay.Bytes() > c.limits.WriteBytes {
		t.Fatalf("a block wrote %d bytes", c.overlay.Bytes())
	}
	if c.gasLeft > 100 {
		t.Fatalf("%d of gas are left of 100", c.gasLeft)
	}
	values, pages, stale := c.overlay.Counts()
	if values+pages+stale > c.limits.ListEntries {
		t.Fatalf("%d rows, %d pages, %d stale of one list", values, pages, stale)
	}
	if !slices.IsSorted(c.events.of) || len(c.events.of) != len(c.events.events) {
		t.Fatalf("events of transactions %d, %d in all", c.events.of, len(c.events.events))
	}
	for i, e := range c.events.events {
		if tx := int(c.events.of[i]); tx < 0 || tx >= c.events.transactions {
			t.Fatalf("an event of transaction %d", tx)
		}
		if !utf8.ValidString(e.Type) || len(e.Attributes) > c.limits.EventAttributes {
			t.Fatalf("event %q with %d attributes", e.Type, len(e.Attributes))
		}
	}
}

// FuzzExecutionAnswer reads what a hostile module answers an execution with: it is
// refused, or the generated code reads the same.
func FuzzExecutionAnswer(f *testing.F) {
	validator := &executorv1.Validator{ConsensusKey: make([]byte, 32), NetworkKey: make([]byte, 32), Power: 5}
	for _, m := range []*executorv1.ExecutionResponse{
		{NewStateRoot: bytes.Repeat([]byte{1}, 32)},
		{NewStateRoot: bytes.Repeat([]byte{1}, 32), GasUsed: 9, MoreWork: true, EvidenceWaits: true,
			Receipts: []*executorv1.Receipt{{TxHash: make([]byte, 32), Code: 4, GasUsed: 3, EventCount: 1, Log: "no"}, {TxHash: make([]byte, 32)}}},
		{NewStateRoot: bytes.Repeat([]byte{1}, 32), EpochChange: &executorv1.EpochParams{Validators: []*executorv1.Validator{validator},
			ExecutorHash: make([]byte, 32), Engine: 1, MaxBlockBytes: 1 << 20, MaxBlockGas: 1 << 30}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(len(m.Receipts)))
	}
	f.Fuzz(func(t *testing.T, answer []byte, count uint8) {
		e, err := decodeExecution(answer, int(count), fuzzLimits())
		if err != nil {
			return
		}
		var m executorv1.ExecutionResponse
		if err := proto.Unmarshal(answer, &m); err != nil {
			t.Fatalf("the generated code refuses what was accepted: %v", err)
		}
		if len(e.receipts) != int(count) || len(m.Receipts) != int(count) || !bytes.Equal(m.NewStateRoot, e.root[:]) ||
			m.GasUsed != e.gasUsed || m.MoreWork != e.moreWork || m.EvidenceWaits != e.evidenceWaits {
			t.Fatalf("read as %+v, the generated code reads %+v", e, &m)
		}
		for i := range e.receipts {
			r, other := &e.receipts[i], m.Receipts[i]
			if other.Code != r.Code || other.GasUsed != r.GasUsed || other.EventCount != e.events[i] || !utf8.ValidString(r.Log) || len(r.Log) > 16 {
				t.Fatalf("receipt %d: %+v and %+v", i, r, other)
			}
		}
		if e.change != nil && validEpoch(e.change, nil) == nil && len(e.change.Validators) == 0 {
			t.Fatal("an epoch of nobody is valid")
		}
		if change := m.GetEpochChange(); (change == nil) != (e.change == nil) || change != nil && !proto.Equal(change, e.change) {
			t.Fatalf("epoch change %v, the generated code reads %v", e.change, change)
		}
	})
}

// FuzzVerifyAnswer reads what a hostile module answers a verification with.
func FuzzVerifyAnswer(f *testing.F) {
	m := &executorv1.VerifyResponse{Verdicts: []*executorv1.VerifyVerdict{
		{GasLimit: 7, Sender: []byte("alice"), Nonce: 4}, {Code: 3, Log: "ünsigned, and a long text"}, {}}}
	b, err := proto.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, uint8(3))
	f.Add(b, uint8(2))
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, uint8(1))
	f.Fuzz(func(t *testing.T, answer []byte, count uint8) {
		verdicts := make([]Verdict, count)
		if decodeVerdicts(answer, verdicts, fuzzLimits()) != nil {
			return
		}
		var m executorv1.VerifyResponse
		if err := proto.Unmarshal(answer, &m); err != nil || len(m.Verdicts) != len(verdicts) {
			t.Fatalf("the generated code reads %d verdicts of %d: %v", len(m.Verdicts), count, err)
		}
		for i, v := range verdicts {
			other := m.Verdicts[i]
			if v.Code != other.Code || v.GasLimit != other.GasLimit || v.Nonce != other.Nonce ||
				!bytes.Equal(v.Sender, other.Sender) || len(v.Sender) > 8 || len(v.Log) > 16 || !utf8.ValidString(v.Log) {
				t.Fatalf("verdict %d: %+v and %+v", i, v, other)
			}
		}
		again := make([]Verdict, count)
		if err := decodeVerdicts(answer, again, fuzzLimits()); err != nil || !reflect.DeepEqual(again, verdicts) {
			t.Fatalf("one answer was read in two ways: %v", err)
		}
	})
}
