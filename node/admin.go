package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// adminBackend is the node as its administration uses it.
type adminBackend struct{ n *Node }

var _ rpc.AdminBackend = adminBackend{}

// AddExecutor implements rpc.AdminBackend.
func (a adminBackend) AddExecutor(_ context.Context, module []byte) (*nodev1.ExecutorVerdict, error) {
	epoch, _ := a.n.execution.present()
	report, err := a.n.modules.Inspect(epoch.Engine, module)
	if err != nil {
		return nil, err
	}
	verdict := &nodev1.ExecutorVerdict{Accepted: report.Accepted, Reason: report.Reason, Imports: report.Imports, Exports: report.Exports}
	hash := types.SumHash(module)
	verdict.Hash = hash[:]
	if !report.Accepted {
		return verdict, nil
	}
	var refused *executor.RefusedError
	if _, err := a.n.modules.Add(module); errors.As(err, &refused) {
		verdict.Accepted, verdict.Reason = false, refused.Reason
	} else if err != nil {
		return nil, err
	}
	return verdict, nil
}

// Rehearse implements rpc.AdminBackend.
func (a adminBackend) Rehearse(ctx context.Context, wasm []byte, hash types.Hash, engine uint32, blocks uint64) (*nodev1.RehearseExecutorResponse, error) {
	if wasm == nil {
		if !a.n.modules.Has(hash) {
			return nil, fmt.Errorf("module %s: %w: add it first", hash, rpc.ErrNotFound)
		}
		var err error
		if wasm, err = a.n.modules.Wasm(hash); err != nil {
			return nil, err
		}
	}
	if engine == 0 {
		epoch, _ := a.n.execution.present()
		engine = epoch.Engine
	}
	r, err := a.n.rehearsal().wasm(ctx, wasm, engine, blocks)
	if err != nil {
		return nil, err
	}
	sum := types.SumHash(wasm)
	out := &nodev1.RehearseExecutorResponse{
		Verdict:    &nodev1.ExecutorVerdict{Hash: sum[:], Accepted: r.Accepted, Reason: r.Reason, Imports: r.Imports, Exports: r.Exports},
		FromHeight: r.From, ToHeight: r.To, Transactions: r.Transactions, Same: r.Same, GasBefore: r.GasBefore, GasAfter: r.GasAfter, FailedBlocks: r.Failed,
	}
	for _, d := range r.Differences {
		out.Differences = append(out.Differences, &nodev1.RehearsalDifference{Height: d.Height, What: d.What, Name: d.Name, Before: d.Before, After: d.After})
	}
	return out, nil
}

// Executors implements rpc.AdminBackend.
func (a adminBackend) Executors(context.Context) ([]types.Hash, error) {
	list, err := a.n.modules.List()
	if err != nil {
		return nil, err
	}
	out := make([]types.Hash, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out, nil
}

// SetHaltHeight implements rpc.AdminBackend.
func (a adminBackend) SetHaltHeight(_ context.Context, height uint64) error {
	a.n.halt.Store(height)
	return nil
}

// SetSigning implements rpc.AdminBackend.
func (a adminBackend) SetSigning(ctx context.Context, suspended bool, reason string) error {
	if !suspended {
		return a.n.engine.ResumeSigning(ctx)
	}
	if reason == "" {
		return fmt.Errorf("say why signing is suspended: it is shown wherever the node says that it does not sign")
	}
	return a.n.engine.SuspendSigning(ctx, "suspended: "+reason)
}

// Peers implements rpc.AdminBackend.
func (a adminBackend) Peers(context.Context) []*nodev1.Peer {
	roles := map[p2p.Role]string{p2p.RoleFull: "full", p2p.RoleValidator: "validator", p2p.RoleSentry: "sentry", p2p.RoleSeed: "seed"}
	var out []*nodev1.Peer
	for _, p := range a.n.network.Peers() {
		out = append(out, &nodev1.Peer{NetworkKey: append([]byte(nil), p.ID[:]...), Address: p.Address, Role: roles[p.Role], FinalHeight: p.TipHeight})
	}
	return out
}

// SignConsent implements rpc.AdminBackend.
func (a adminBackend) SignConsent(_ context.Context, req *nodev1.SignConsentRequest) (*nodev1.SignConsentResponse, error) {
	record := a.n.signer.Record()
	consensus, network, possession, err := record.Keys()
	if err != nil {
		return nil, err
	}
	genesis := a.n.genesis.Hash()
	var statement []byte
	if r := req.GetRotate(); r != nil {
		terms := ledger.RotateTerms{Genesis: genesis, Validator: ledger.ID(r.Validator), Expected: ledger.ID(r.ExpectedIdentity),
			ConsensusKey: consensus, ValidUntil: r.ValidUntil}
		statement = terms.Statement()
	} else {
		statement = ledger.JoinStatement(genesis, [32]byte(req.GetJoin().GetOwnerKey()), consensus)
	}
	signature, err := a.n.signer.Consent(statement)
	if err != nil {
		return nil, err
	}
	a.n.log.Info("signed a consent", "rotation", req.GetRotate() != nil, "identity", record.NetworkKey)
	return &nodev1.SignConsentResponse{GenesisHash: genesis[:], NetworkKey: network[:], ConsensusKey: consensus, Possession: possession, Signature: signature}, nil
}

// SignReady implements rpc.AdminBackend.
func (a adminBackend) SignReady(_ context.Context, validator types.Hash) ([]byte, error) {
	if why := a.n.notSynced(); why != "" {
		return nil, fmt.Errorf("%w: %s: try again when it is synced", rpc.ErrUnavailable, why)
	}
	key := a.n.signer.NetworkKey()
	op := ledger.Ready{Validator: ledger.ID(validator), Identity: ledger.ID(a.n.network.Self())}
	return ledger.Sign(key, ledger.FeeFreeBody(a.n.genesis.Hash(), 0, op))
}
