package node_test

import (
	"bytes"
	"crypto/ed25519"
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// copied is the canonical module under another hash: a custom section is no code.
func copied(t *testing.T) ([]byte, types.Hash) {
	t.Helper()
	wasm, err := executor.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	wasm = append(bytes.Clone(wasm), 0, 5, 4, 'c', 'o', 'p', 'y')
	return wasm, types.SumHash(wasm)
}

// governed is a network on the ledger, with its authority.
type governed struct {
	*machines
	payer     ed25519.PrivateKey
	authority []ed25519.PrivateKey
	genesis   types.Hash
	nonce     uint64
}

func newGoverned(t *testing.T, scheme string, env ...string) *governed {
	t.Helper()
	g := &governed{machines: &machines{t: t, homes: makeNetwork(t, 4, scheme)}}
	list, err := home.LoadAccounts(filepath.Join(filepath.Dir(g.homes[0]), home.AccountsName))
	if err != nil {
		t.Fatal(err)
	}
	if g.authority, err = list.AuthorityKeys(); err != nil {
		t.Fatal(err)
	}
	document, err := genesis.Load(filepath.Join(filepath.Dir(g.homes[0]), home.GenesisName))
	if err != nil {
		t.Fatal(err)
	}
	g.payer, g.genesis = account(t, g.homes, 0), document.Hash()
	g.startAll(env...)
	return g
}

// do makes an operation final, signed by the authority where that is needed.
func (g *governed) do(n *running, op ledger.Operation) uint64 {
	g.t.Helper()
	body := ledger.Body{Genesis: g.genesis, Nonce: g.nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op}
	g.nonce++
	var keys []ed25519.PrivateKey
	if ledger.NeedsAuthority(op) {
		keys = g.authority
		body.GasLimit *= 4 // signatures of the authority
	}
	tx, err := ledger.SignAuthority(g.payer, body, keys...)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.final(n, tx)
}

func (g *governed) transfer(n *running) uint64 {
	return g.do(n, ledger.Transfer{To: ledger.Address{7}, Amount: ledger.AmountOf(1)})
}

// schedule asks for an executor within a window that begins now.
func (g *governed) schedule(n *running, hash types.Hash, blocks uint64) (notAfter uint64) {
	g.t.Helper()
	height := n.status(g.t).FinalHeight
	g.do(n, ledger.Schedule{Executor: ledger.ID(hash), Engine: 1, NotBefore: height + 1, NotAfter: height + blocks})
	return height + blocks
}

// A scheduled module that one node has reaches the others, all rehearse it and say so,
// and the chain changes over by itself, in both signature schemes.
func TestScheduledExecutorActivatesOnceAQuorumIsReady(t *testing.T) {
	t.Parallel() // it waits more than it computes
	for _, scheme := range []string{"ed25519", "bls12381"} {
		t.Run(scheme, func(t *testing.T) {
			g := newGoverned(t, scheme)
			wasm, hash := copied(t)
			g.add(2, wasm)
			before := g.transfer(g.nodes[0])
			g.schedule(g.nodes[1], hash, 100_000)
			for _, n := range g.nodes {
				g.until(n, "it runs the scheduled module", func(s *nodev1.GetStatusResponse) bool {
					return s.Epoch == 2 && bytes.Equal(s.Executor.Hash, hash[:])
				})
			}
			after := g.transfer(g.nodes[3])
			g.agree(after)
			for _, n := range g.nodes {
				g.until(n, "it says that nothing is scheduled, and nothing missing", func(s *nodev1.GetStatusResponse) bool {
					return s.Executor.Upgrade == nil && s.Executor.Missing == ""
				})
				for _, height := range []uint64{before, after} {
					res, err := n.rpc.Query(t.Context(), connect.NewRequest(&nodev1.QueryRequest{Path: "supply", Height: height, Prove: true}))
					if err != nil || res.Msg.Code != 0 || len(res.Msg.Value) == 0 {
						t.Errorf("supply at height %d: %v, %v", height, res, err)
					}
				}
			}
			// All ended and started again: each goes on with the module of its epoch.
			for i, n := range g.nodes {
				n.end(t)
				g.nodes[i] = start(t, g.homes[i])
			}
			for _, n := range g.nodes {
				n.waitUp(t)
			}
			g.agree(g.transfer(g.nodes[2]))
			for _, n := range g.nodes {
				n.end(t)
			}
			g.replay(after, 0)
		})
	}
}

// With half of the power without the module the schedule lapses, and nothing else
// happens; the nodes say how far they are.
func TestScheduledExecutorLapsesWithoutAQuorum(t *testing.T) {
	t.Parallel() // it waits more than it computes
	g := newGoverned(t, "ed25519", "BEDROCK_EXECUTOR_FETCH=false")
	wasm, hash := copied(t)
	g.add(0, wasm)
	g.add(1, wasm)
	notAfter := g.schedule(g.nodes[0], hash, 40)
	for i, want := range []nodev1.ModuleReadiness{nodev1.ModuleReadiness_MODULE_READINESS_ANNOUNCED, nodev1.ModuleReadiness_MODULE_READINESS_ANNOUNCED,
		nodev1.ModuleReadiness_MODULE_READINESS_MISSING, nodev1.ModuleReadiness_MODULE_READINESS_MISSING} {
		g.until(g.nodes[i], "it says how far it is", func(s *nodev1.GetStatusResponse) bool {
			u := s.Executor.Upgrade
			return u.GetReadiness() == want && u.GetReason() != "" && len(u.GetReady()) == 2 && bytes.Equal(u.GetHash(), hash[:])
		})
	}
	for end := time.Now().Add(deadline); g.transfer(g.nodes[3]) <= notAfter; {
		if time.Now().After(end) {
			t.Fatal("the window does not end")
		}
	}
	for _, n := range g.nodes {
		g.until(n, "it says that nothing is scheduled", func(s *nodev1.GetStatusResponse) bool { return s.Executor.Upgrade == nil })
		if s := n.status(t); s.Epoch != 1 || bytes.Equal(s.Executor.Hash, hash[:]) {
			t.Errorf("%s is in epoch %d with %x", n.home, s.Epoch, s.Executor.Hash)
		}
	}
	for _, n := range g.nodes {
		n.end(t)
	}
}
