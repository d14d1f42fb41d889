package proof

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/light"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Bounds of a proof.
const (
	MaxOutcomes = 1 << 16 // between the certificate and the proven height
	MaxEpochs   = 1 << 16
)

// ErrInvalid is wrapped by errors of proofs that prove nothing.
var ErrInvalid = errors.New("proof does not hold")

// Result is what a proof proves. Exactly one of the last four is set.
type Result struct {
	Height  uint64
	Outcome types.Outcome // of Height
	// Certified is the height of the outcome that a quorum of CertificateEpoch
	// signed; Height or above.
	Certified        uint64
	CertificateEpoch uint64

	State       *State
	Transaction *Transaction
	Event       *Event
	Block       *types.Header
}

// State is a key of the state of Result.Height.
type State struct {
	Key    []byte
	Value  []byte
	Absent bool
}

// Transaction is a transaction that Result.Height executed.
type Transaction struct {
	Header  types.Header
	Bytes   []byte
	Receipt receipts.Receipt // hashed part
}

// Event is an event of a transaction that Result.Height executed.
type Event struct {
	TxHash types.Hash
	Event  receipts.Event
}

// Verify checks a proof against an epoch that is trusted: epoch 1 of the genesis
// document with that hash. It needs nothing else.
func Verify(p *nodev1.Proof, genesis types.Hash, trusted types.Epoch) (*Result, error) {
	if got, err := types.HashFromBytes(p.GenesisHash); err != nil || got != genesis {
		return nil, fmt.Errorf("%w: it is of the chain with genesis hash %x, this one's is %s", ErrInvalid, p.GenesisHash, genesis)
	}
	chain, err := light.New(genesis, trusted)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(p.Epochs) > MaxEpochs || len(p.Outcomes) > MaxOutcomes {
		return nil, fmt.Errorf("%w: %d epochs and %d outcomes, at most %d and %d", ErrInvalid, len(p.Epochs), len(p.Outcomes), MaxEpochs, MaxOutcomes)
	}
	cc, err := codec.CommitFrom(p.Certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if cc.Epoch < trusted.Number || cc.Epoch-trusted.Number != uint64(len(p.Epochs)) {
		return nil, fmt.Errorf("%w: %d epochs lead to a certificate of epoch %d", ErrInvalid, len(p.Epochs), cc.Epoch)
	}
	for _, m := range p.Epochs {
		start, err := codec.EpochStartFrom(m)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if start.Epoch.Number != chain.Newest()+1 {
			return nil, fmt.Errorf("%w: epoch %d follows epoch %d", ErrInvalid, start.Epoch.Number, chain.Newest())
		}
		if err := chain.Extend(*start); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return VerifyFrom(chain, p)
}

// VerifyFrom checks a proof's certificate, outcomes and claim with a chain of
// epochs that is verified already; the proof's own epochs are not looked at.
func VerifyFrom(chain *light.Chain, p *nodev1.Proof) (*Result, error) {
	cc, err := codec.CommitFrom(p.Certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	outcome, err := VerifyOutcome(chain, cc, p.Outcomes)
	if err != nil {
		return nil, err
	}
	r := &Result{Height: outcome.Height, Outcome: outcome, Certified: cc.Outcome.Height, CertificateEpoch: cc.Epoch}
	if err := r.claim(chain.Genesis(), p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return r, nil
}

// VerifyOutcome checks a certificate and the outcomes below it, and answers the
// lowest.
func VerifyOutcome(chain *light.Chain, cc *types.CC, below []*nodev1.Outcome) (types.Outcome, error) {
	if err := chain.VerifyCommit(cc); err != nil {
		return types.Outcome{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(below) > MaxOutcomes {
		return types.Outcome{}, fmt.Errorf("%w: %d outcomes, at most %d", ErrInvalid, len(below), MaxOutcomes)
	}
	outcomes, err := codec.OutcomesFrom(below)
	if err != nil {
		return types.Outcome{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	outcome, err := light.VerifyDown(cc.Outcome, outcomes)
	if err != nil {
		return types.Outcome{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return outcome, nil
}

func (r *Result) claim(genesis types.Hash, p *nodev1.Proof) error {
	switch c := p.Claim.(type) {
	case *nodev1.Proof_State:
		return r.state(c.State)
	case *nodev1.Proof_Transaction:
		return r.transaction(genesis, c.Transaction)
	case *nodev1.Proof_Event:
		return r.event(c.Event)
	case *nodev1.Proof_Block:
		header, err := r.header(genesis, c.Block.GetHeader())
		if err != nil {
			return err
		}
		r.Block = &header
		return nil
	}
	return errors.New("it claims nothing")
}

func (r *Result) state(c *nodev1.StateClaim) error {
	if n := len(c.GetKey()); n == 0 || n > maxStateKey {
		return fmt.Errorf("state key of %d bytes, want 1 to %d", n, maxStateKey)
	}
	if c.Absent {
		if len(c.Value) != 0 {
			return errors.New("an absent key with a value")
		}
		if err := checkAbsence(r.Outcome.StateRoot, c.Key, c.Proof); err != nil {
			return fmt.Errorf("absence of key %x at height %d: %w", c.Key, r.Height, err)
		}
	} else if err := checkInclusion(r.Outcome.StateRoot, c.Key, c.Value, c.Proof); err != nil {
		return fmt.Errorf("value of key %x at height %d: %w", c.Key, r.Height, err)
	}
	r.State = &State{Key: c.Key, Value: c.Value, Absent: c.Absent}
	return nil
}

func (r *Result) header(genesis types.Hash, m *nodev1.Header) (types.Header, error) {
	header, err := codec.HeaderFrom(m)
	if err != nil {
		return header, err
	}
	if header.ID() != r.Outcome.Block || header.Height != r.Height || header.Genesis != genesis {
		return header, fmt.Errorf("header %s is not that of final block %s", header.ID(), r.Outcome.Block)
	}
	return header, nil
}

func (r *Result) receipt(m *nodev1.Receipt, in *nodev1.Inclusion) (receipts.Receipt, error) {
	receipt, err := codec.ReceiptFrom(m)
	if err != nil {
		return receipt, err
	}
	root, err := codec.RootOver(in, receipt.Append(nil))
	if err != nil {
		return receipt, fmt.Errorf("receipt: %w", err)
	}
	if root != r.Outcome.ReceiptsRoot {
		return receipt, errors.New("the receipt is not among those of its height")
	}
	return receipt, nil
}

func (r *Result) transaction(genesis types.Hash, c *nodev1.TransactionClaim) error {
	header, err := r.header(genesis, c.GetHeader())
	if err != nil {
		return err
	}
	root, err := codec.RootOver(c.InPayload, c.Transaction)
	if err != nil {
		return fmt.Errorf("transaction: %w", err)
	}
	if root != header.PayloadRoot {
		return errors.New("the transaction is not in its block")
	}
	receipt, err := r.receipt(c.Receipt, c.InReceipts)
	if err != nil {
		return err
	}
	if receipt.TxHash != types.TxHash(c.Transaction) {
		return errors.New("the receipt is another transaction's")
	}
	r.Transaction = &Transaction{Header: header, Bytes: c.Transaction, Receipt: receipt}
	return nil
}

func (r *Result) event(c *nodev1.EventClaim) error {
	receipt, err := r.receipt(c.GetReceipt(), c.GetInReceipts())
	if err != nil {
		return err
	}
	event, err := codec.EventFrom(c.Event)
	if err != nil {
		return err
	}
	root, err := codec.RootOver(c.InEvents, event.Append(nil))
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	if root != types.Hash(receipt.EventsRoot) {
		return errors.New("the event is not among those of its transaction")
	}
	r.Event = &Event{TxHash: receipt.TxHash, Event: event}
	return nil
}
