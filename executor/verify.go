package executor

import (
	"context"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bedrock-bft/bedrock/executor/receipts"
)

// VerdictTrapped is the code of a transaction on which the module's verify
// traps: refused like one of a bad signature.
const VerdictTrapped = 0xFFFF_FFFF

// CodeMigrating is the code of a transaction that waits for a migration, in what
// `check` says too. // rule: migration
const CodeMigrating = receipts.CodeMigrating

// verifyBatch is the most transactions that one instance verifies: above it a
// batch of signatures gains little.
const verifyBatch = 16_384

// verifyLeast is the fewest for which another core is asked.
const verifyLeast = 64

// Verdict is what verify says of one transaction.
type Verdict struct {
	Code     uint32 // 0: accepted
	GasLimit uint64
	// Sender names the nonce lane, Nonce the place in it.
	Sender []byte
	Nonce  uint64
	Log    string
}

// Verify decodes transactions and checks their signatures, in batches on all
// cores. It reads no state and may run beside anything. A transaction on which
// the module traps gets the code VerdictTrapped; the others of its batch are
// verified without it. The error is a *HostFault or an
// *InputError.
func (m *Module) Verify(ctx context.Context, genesisHash [32]byte, transactions [][]byte) ([]Verdict, error) {
	if len(transactions) > m.engine.limits.Transactions {
		return nil, inputf("verify %d transactions, at most %d", len(transactions), m.engine.limits.Transactions)
	}
	verdicts := make([]Verdict, len(transactions))
	size := verifySize(len(transactions), cap(m.engine.verify))
	var wait sync.WaitGroup
	var once sync.Once
	var failed error
	for start := 0; start < len(transactions); start += size {
		end := min(start+size, len(transactions))
		release, err := acquire(ctx, m.engine.verify)
		if err != nil {
			once.Do(func() { failed = &HostFault{Doing: "wait for an instance", Err: err} })
			break
		}
		wait.Go(func() {
			defer release()
			if err := m.verifyHalving(ctx, genesisHash, transactions[start:end], verdicts[start:end]); err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	wait.Wait()
	if failed != nil {
		return nil, failed
	}
	return verdicts, nil
}

// verifySize is how many transactions one instance verifies: equal parts, so
// that no core waits for another's.
func verifySize(transactions, workers int) int {
	rounds := max(1, (transactions+workers*verifyBatch-1)/(workers*verifyBatch))
	parts := workers * rounds
	return min(verifyBatch, max(verifyLeast, (transactions+parts-1)/parts))
}

// verifyHalving verifies a batch; if the module traps on it, halves are tried
// until single transactions are found to do it. Fuel bounds each run by its
// batch, so that a poison costs about two batches a level.
func (m *Module) verifyHalving(ctx context.Context, genesisHash [32]byte, transactions [][]byte, verdicts []Verdict) error {
	_, err := twice(ctx, func() (struct{}, error) {
		return struct{}{}, m.verifyOnce(ctx, genesisHash, transactions, verdicts)
	})
	trap, trapped := err.(*ModuleTrap)
	switch {
	case !trapped:
		return err
	case len(transactions) == 1:
		verdicts[0] = Verdict{Code: VerdictTrapped, Log: trap.Error()}
		return nil
	}
	half := len(transactions) / 2
	if err := m.verifyHalving(ctx, genesisHash, transactions[:half], verdicts[:half]); err != nil {
		return err
	}
	return m.verifyHalving(ctx, genesisHash, transactions[half:], verdicts[half:])
}

// verifyOnce is one attempt at one batch.
func (m *Module) verifyOnce(ctx context.Context, genesisHash [32]byte, transactions [][]byte, verdicts []Verdict) error {
	if err := ctx.Err(); err != nil {
		return &HostFault{Doing: "verify", Err: err}
	}
	c := &call{ctx: ctx}
	err := withRequest(m.engine.limits.RequestBytes,
		func(dst []byte) ([]byte, error) { return appendVerifyRequest(dst, genesisHash, transactions), nil },
		func(request []byte) error {
			fuel := m.engine.limits.Fuel
			allowed := fuel.of(fuel.Base, [2]uint64{uint64(len(transactions)), fuel.Verify}, [2]uint64{uint64(len(request)), fuel.Byte})
			return m.run(c, "verify", request, allowed, func(answer []byte) error {
				return decodeVerdicts(answer, verdicts, &m.engine.limits)
			})
		})
	return classify("verify", err)
}

// appendVerifyRequest encodes a VerifyRequest.
func appendVerifyRequest(dst []byte, genesisHash [32]byte, transactions [][]byte) []byte {
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendBytes(dst, genesisHash[:])
	for _, transaction := range transactions {
		dst = protowire.AppendTag(dst, 2, protowire.BytesType)
		dst = protowire.AppendBytes(dst, transaction)
	}
	return dst
}

// decodeVerdicts reads a VerifyResponse with one verdict for each place.
func decodeVerdicts(answer []byte, verdicts []Verdict, limits *Limits) error {
	f := &fields{message: "VerifyResponse", rest: answer}
	count := 0
	for number := f.next(1); number != 0; number = f.next(1) {
		switch {
		case number != 1:
			f.unknown()
		case count == len(verdicts):
			f.fail("more verdicts than transactions (%d)", len(verdicts))
		default:
			verdicts[count] = decodeVerdict(f, limits)
			count++
		}
	}
	if f.err == nil && count != len(verdicts) {
		f.fail("%d verdicts for %d transactions", count, len(verdicts))
	}
	return f.err
}

func decodeVerdict(outer *fields, limits *Limits) (v Verdict) {
	f := &fields{message: "VerifyVerdict", rest: outer.bytes()}
	for number := f.next(0); number != 0; number = f.next(0) {
		switch number {
		case 1:
			v.Code = uint32(f.number(maxU32))
		case 2:
			v.GasLimit = f.number(maxU64)
		case 3:
			v.Sender = f.copied(limits.SenderBytes)
		case 4:
			v.Nonce = f.number(maxU64)
		case 5:
			v.Log = f.text(limits.LogBytes)
		default:
			f.unknown()
		}
	}
	if f.err != nil {
		outer.fail("%v", f.err)
	}
	return v
}
