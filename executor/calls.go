package executor

import (
	"context"

	"google.golang.org/protobuf/proto"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// Genesis makes the state of height 0 from the genesis document. A document that
// the module does not take gives a *RefusedError. The result's overlay is of the
// block that the genesis hash names, on no parent; its Commit is the base's
// first.
func (m *Module) Genesis(ctx context.Context, request *executorv1.GenesisRequest) (*Result, error) {
	release, err := acquire(ctx, m.engine.execute)
	if err != nil {
		return nil, &HostFault{Doing: "wait for an instance", Err: err}
	}
	defer release()
	if len(request.GetGenesisHash()) != 32 {
		return nil, inputf("genesis: a genesis hash of %d bytes, want 32", len(request.GetGenesisHash()))
	}
	return twice(ctx, func() (*Result, error) { return m.genesis(ctx, request) })
}

func (m *Module) genesis(ctx context.Context, request *executorv1.GenesisRequest) (*Result, error) {
	block := state.BlockID(request.GetGenesisHash())
	c := &call{ctx: ctx, empty: true, overlay: state.NewOverlay(block, state.BlockID{}, state.Ref{})}
	response := new(executorv1.GenesisResponse)
	fuel := m.engine.limits.Fuel
	err := m.exchange(c, "genesis", request, response, m.engine.limits.GenesisBytes, func(length int) uint64 {
		return fuel.of(100*fuel.Base, [2]uint64{uint64(length), 10 * fuel.Byte})
	})
	switch {
	case err != nil:
		return nil, err
	case response.GetError() != "":
		return nil, &RefusedError{What: "genesis document", Reason: response.GetError()}
	case len(response.GetStateRoot()) != 32:
		return nil, classify("genesis", malformedf("a state root of %d bytes", len(response.GetStateRoot())))
	}
	root := [32]byte(response.GetStateRoot())
	c.overlay.SetRoot(root)
	return &Result{StateRoot: root, ReceiptsRoot: receipts.NoneRoot, Success: true, Overlay: c.overlay, Usage: c.usage}, nil
}

// Check asks whether verified transactions may enter the pool. The error is a
// *ModuleTrap, a *HostFault or an *InputError.
func (m *Module) Check(ctx context.Context, reader Reader, next *executorv1.Context, items []*executorv1.CheckItem) ([]*executorv1.CheckVerdict, error) {
	if len(items) > m.engine.limits.Transactions {
		return nil, inputf("check %d transactions, at most %d", len(items), m.engine.limits.Transactions)
	}
	request := &executorv1.CheckRequest{State: stateRef(reader.Ref()), Context: next, Items: items}
	fuel := m.engine.limits.Fuel
	response := new(executorv1.CheckResponse)
	err := m.ask(ctx, m.engine.check, reader, next, "check", request, response, func(length int) uint64 {
		return fuel.of(fuel.Base, [2]uint64{uint64(len(items)), fuel.Check}, [2]uint64{uint64(length), fuel.Byte})
	})
	if err == nil && len(response.GetVerdicts()) != len(items) {
		err = classify("check", malformedf("%d verdicts for %d transactions", len(response.GetVerdicts()), len(items)))
	}
	return response.GetVerdicts(), err
}

// Query reads the state through the module. The error is a *ModuleTrap, a
// *HostFault or an *InputError. The context's end stops it at
// the next import; fuel bounds what is between.
func (m *Module) Query(ctx context.Context, reader Reader, at *executorv1.Context, path string, data []byte, prove bool) (*executorv1.QueryResponse, error) {
	request := &executorv1.QueryRequest{State: stateRef(reader.Ref()), Context: at, Path: path, Data: data, Prove: prove}
	response := new(executorv1.QueryResponse)
	fuel := m.engine.limits.Fuel
	err := m.ask(ctx, m.engine.query, reader, at, "query", request, response, func(length int) uint64 {
		return fuel.of(fuel.QueryBase, [2]uint64{uint64(length), fuel.Byte})
	})
	return response, err
}

// ask runs an export that reads the state and writes nothing.
func (m *Module) ask(ctx context.Context, places chan struct{}, reader Reader, metadata *executorv1.Context,
	export string, request, response proto.Message, fuel func(length int) uint64,
) error {
	release, err := acquire(ctx, places)
	if err != nil {
		return &HostFault{Doing: "wait for an instance", Err: err}
	}
	defer release()
	encoded, err := marshal(nil, metadata)
	if err != nil {
		return inputf("%s: encode context: %v", export, err)
	}
	_, err = twice(ctx, func() (struct{}, error) {
		c := &call{ctx: ctx, reader: reader, metadata: encoded, gasLeft: metadata.GetGasLimit()}
		return struct{}{}, m.exchange(c, export, request, response, m.engine.limits.RequestBytes, fuel)
	})
	return err
}

// exchange runs an export whose answer is decoded by the generated code: what it
// answers decides no outcome.
func (m *Module) exchange(c *call, export string, request, response proto.Message, limit int, fuel func(length int) uint64) error {
	err := withRequest(limit,
		func(dst []byte) ([]byte, error) { return marshal(dst, request) },
		func(encoded []byte) error {
			return m.run(c, export, encoded, fuel(len(encoded)), func(answer []byte) error {
				if err := proto.Unmarshal(answer, response); err != nil {
					return malformedf("%v", err)
				}
				return nil
			})
		})
	return classify(export, err)
}
