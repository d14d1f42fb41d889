package executor

import (
	"crypto/sha256"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/receipts"
)

// executed is the answer of execute, as the module gave it.
type executed struct {
	root     [32]byte
	receipts []receipts.Receipt
	events   []uint32 // count of each receipt
	gasUsed  uint64
	moreWork bool
	change   *executorv1.EpochParams
	// evidenceWaits: the block's evidence was not judged.
	evidenceWaits bool
}

// decodeExecution reads an ExecutionResponse with one receipt for each of count
// transactions.
func decodeExecution(answer []byte, count int, limits *Limits) (*executed, error) {
	e := &executed{receipts: make([]receipts.Receipt, 0, count), events: make([]uint32, 0, count)}
	f := &fields{message: "ExecutionResponse", rest: answer}
	hasRoot := false
	for number := f.next(2); number != 0; number = f.next(2) {
		switch number {
		case 1:
			e.root, hasRoot = f.hash(), true
		case 2:
			if len(e.receipts) == count {
				f.fail("more receipts than transactions (%d)", count)
				break
			}
			e.receipt(f, limits)
		case 3:
			e.gasUsed = f.number(maxU64)
		case 4:
			e.moreWork = f.number(maxBool) == 1
		case 5:
			e.change = decodeEpoch(f)
		case 6:
			e.evidenceWaits = f.number(maxBool) == 1
		default:
			f.unknown()
		}
	}
	switch {
	case f.err != nil:
	case !hasRoot:
		f.fail("no state root")
	case len(e.receipts) != count:
		f.fail("%d receipts for %d transactions", len(e.receipts), count)
	}
	return e, f.err
}

func (e *executed) receipt(outer *fields, limits *Limits) {
	var r receipts.Receipt
	var events uint32
	f := &fields{message: "Receipt", rest: outer.bytes()}
	for number := f.next(0); number != 0; number = f.next(0) {
		switch number {
		case 1:
			r.TxHash = f.hash()
		case 2:
			r.Code = uint32(f.number(maxU32))
		case 3:
			r.GasUsed = f.number(maxU64)
		case 4:
			events = uint32(f.number(maxU32))
		case 5:
			r.Log = f.text(limits.LogBytes)
		default:
			f.unknown()
		}
	}
	if f.err != nil {
		outer.fail("receipt %d: %v", len(e.receipts), f.err)
		return
	}
	e.receipts, e.events = append(e.receipts, r), append(e.events, events)
}

// settle checks receipts against the block's transactions and the events that
// were emitted, and completes them.
func (e *executed) settle(transactions [][]byte, hashes [][32]byte, log *eventLog) error {
	for i := range e.receipts {
		r := &e.receipts[i]
		var hash [32]byte
		if hashes != nil {
			hash = hashes[i]
		} else {
			hash = sha256.Sum256(transactions[i])
		}
		if r.TxHash != hash {
			return malformedf("receipt %d is of transaction %x, want %x", i, r.TxHash, hash)
		}
		r.Events = log.take(i)
		switch {
		case len(r.Events) != int(e.events[i]):
			return malformedf("receipt %d counts %d events, %d were emitted", i, e.events[i], len(r.Events))
		case r.Code != 0 && len(r.Events) > 0:
			return malformedf("receipt %d has code %d and %d events: a failed transaction emits none", i, r.Code, len(r.Events))
		}
		r.EventsRoot = receipts.EventsRoot(r.Events)
	}
	return nil
}
