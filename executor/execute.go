package executor

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// Block is what Execute runs.
type Block struct {
	ID, Parent state.BlockID
	// Context is of the block; its height is one above the state's.
	Context *executorv1.Context
	// Transactions have each been accepted by Verify (rule: verify-before-vote).
	Transactions [][]byte
	// TxHashes are the transactions' SHA-256, if they are at hand.
	TxHashes [][32]byte
	// Rehearsed says that another module executed the block: the context names that
	// one and its engine, so that the module sees what there was to see.
	Rehearsed bool
	// Witness, if set, records what the execution reads.
	Witness *Witness
}

// Result is what executing a block gives: but for FailureReason, logs and Usage
// the same on every node.
type Result struct {
	StateRoot    [32]byte
	ReceiptsRoot [32]byte
	// Receipts hold their events; none for a failed block.
	Receipts    []receipts.Receipt
	GasUsed     uint64
	MoreWork    bool
	EpochChange *executorv1.EpochParams
	// EvidenceWaits says that the module judged none of the block's evidence, since
	// the state waits for a migration: the chain does not hold it.
	EvidenceWaits bool
	// Success is false for a failed block: the parent's state stands
	// (rule: failed-block).
	Success       bool
	FailureReason string
	// Overlay holds the block's writes, to be added to the block's Overlays.
	Overlay *state.Overlay
	Usage   Usage
}

// Execute runs a block on the state after its parent. The error is a *HostFault
// or an *InputError (they may come wrapped): neither is an outcome
// (rule: host-fault).
func (m *Module) Execute(ctx context.Context, reader Reader, block *Block) (*Result, error) {
	return m.executeIn(ctx, m.engine.execute, reader, block)
}

// Simulate is Execute in the instances of queries, so that what clients ask for
// never waits in front of a block. Its overlay is to be thrown away.
func (m *Module) Simulate(ctx context.Context, reader Reader, block *Block) (*Result, error) {
	return m.executeIn(ctx, m.engine.query, reader, block)
}

func (m *Module) executeIn(ctx context.Context, places chan struct{}, reader Reader, block *Block) (*Result, error) {
	if err := m.fits(reader, block); err != nil {
		return nil, err
	}
	release, err := acquire(ctx, places)
	if err != nil {
		return nil, &HostFault{Doing: "wait for an instance", Err: err}
	}
	defer release()
	result, err := twice(ctx, func() (*Result, error) { return m.execute(ctx, reader, block) })
	if trap, failed := err.(*ModuleTrap); failed {
		return failedBlock(reader.Ref(), block, trap), nil
	}
	if err != nil {
		return nil, fmt.Errorf("execute block %x at height %d: %w", block.ID[:4], block.Context.GetHeight(), err)
	}
	return result, nil
}

// fits refuses what the caller got wrong.
func (m *Module) fits(reader Reader, block *Block) error {
	ref, c := reader.Ref(), block.Context
	switch {
	case c.GetHeight() != ref.Height+1:
		return inputf("execute block %x of height %d on a state of height %d", block.ID[:4], c.GetHeight(), ref.Height)
	case !block.Rehearsed && ([32]byte(padded(c.GetExecutorHash())) != m.hash || c.GetEngine() != m.engine.limits.Engine):
		return inputf("execute block %x for module %x, engine %d with module %x, engine %d",
			block.ID[:4], c.GetExecutorHash(), c.GetEngine(), m.hash, m.engine.limits.Engine)
	case len(block.Transactions) > m.engine.limits.Transactions:
		return inputf("execute block %x of %d transactions, at most %d", block.ID[:4], len(block.Transactions), m.engine.limits.Transactions)
	case block.TxHashes != nil && len(block.TxHashes) != len(block.Transactions):
		return inputf("execute block %x: %d hashes for %d transactions", block.ID[:4], len(block.TxHashes), len(block.Transactions))
	}
	return nil
}

// padded is b as 32 bytes, zero where it has another length.
func padded(b []byte) []byte {
	if len(b) != 32 {
		return make([]byte, 32)
	}
	return b
}

// failedBlock is the one outcome of every trap of the module's own making
// (rule: failed-block).
func failedBlock(parent state.Ref, block *Block, trap *ModuleTrap) *Result {
	after := parent
	after.Height = block.Context.GetHeight()
	return &Result{
		StateRoot:     parent.Root,
		ReceiptsRoot:  receipts.NoneRoot,
		FailureReason: trap.Error(),
		Overlay:       state.NewOverlay(block.ID, block.Parent, after),
	}
}

// FailedBlock is the outcome of a block that is not run, because it is known to
// fail: that of every failed block (rule: failed-block).
func FailedBlock(parent state.Ref, block *Block, reason string) *Result {
	return failedBlock(parent, block, &ModuleTrap{Export: "execute", Kind: TrapCode, Reason: reason})
}

// execute is one attempt.
func (m *Module) execute(ctx context.Context, reader Reader, block *Block) (*Result, error) {
	ref := reader.Ref()
	metadata, err := marshal(nil, block.Context)
	if err != nil {
		return nil, inputf("encode context: %v", err)
	}
	after := ref
	after.Height = block.Context.GetHeight()
	c := &call{
		ctx: ctx, reader: reader, witness: block.Witness,
		overlay:  state.NewOverlay(block.ID, block.Parent, after),
		metadata: metadata, gasLeft: block.Context.GetGasLimit(),
		events: &eventLog{transactions: len(block.Transactions)},
	}
	c.overlay.Reserve(2*len(block.Transactions), 4*len(block.Transactions))
	request := &executorv1.ExecutionRequest{State: stateRef(ref), Context: block.Context, Transactions: block.Transactions}
	var answer *executed
	err = withRequest(m.engine.limits.RequestBytes,
		func(dst []byte) ([]byte, error) { return marshal(dst, request) },
		func(encoded []byte) error {
			c.witness.start(encoded)
			fuel := m.engine.limits.Fuel
			allowed := fuel.of(fuel.Base, [2]uint64{block.Context.GetGasLimit(), fuel.Gas},
				[2]uint64{uint64(len(block.Context.GetEvidence())), fuel.Evidence}, [2]uint64{uint64(len(encoded)), fuel.Byte})
			return m.run(c, "execute", encoded, allowed, func(b []byte) (err error) {
				answer, err = m.settled(b, block, c.events)
				return err
			})
		})
	if err != nil {
		return nil, classify("execute", err)
	}
	c.overlay.SetRoot(answer.root)
	return &Result{
		StateRoot:     answer.root,
		ReceiptsRoot:  receipts.Root(answer.receipts),
		Receipts:      answer.receipts,
		GasUsed:       answer.gasUsed,
		MoreWork:      answer.moreWork,
		EpochChange:   answer.change,
		EvidenceWaits: answer.evidenceWaits,
		Success:       true,
		Overlay:       c.overlay,
		Usage:         c.usage,
	}, nil
}

// settled decodes and judges the answer of execute.
func (m *Module) settled(answer []byte, block *Block, log *eventLog) (*executed, error) {
	e, err := decodeExecution(answer, len(block.Transactions), &m.engine.limits)
	if err != nil {
		return nil, err
	}
	if err := e.settle(block.Transactions, block.TxHashes, log); err != nil {
		return nil, err
	}
	if e.change != nil {
		if err := validEpoch(e.change, m.engine.checkEpoch); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func stateRef(ref state.Ref) *executorv1.StateRef {
	return &executorv1.StateRef{Root: ref.Root[:], Height: ref.Height, TreeVersion: ref.TreeVersion}
}

// marshal appends the encoded message to dst; the answer is never nil.
func marshal(dst []byte, message proto.Message) ([]byte, error) {
	if dst == nil {
		dst = []byte{}
	}
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, message)
}
