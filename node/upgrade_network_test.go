package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/executortest"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/types"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// machines is a network on the test machine, whose transactions change epochs.
type machines struct {
	t     *testing.T
	homes []string
	nodes []*running
	sent  atomic.Uint64
}

// machine is a variant's file and hash.
func machine(t *testing.T, v executortest.Variant) ([]byte, types.Hash) {
	t.Helper()
	wasm, err := executortest.Make(v)
	if err != nil {
		t.Fatal(err)
	}
	return wasm, types.SumHash(wasm)
}

func newMachines(t *testing.T, validators int, scheme string) *machines {
	t.Helper()
	wasm, hash := machine(t, executortest.Variant{Version: 1})
	dir := filepath.Join(t.TempDir(), "net")
	if _, err := home.Make(home.Options{ExecutorHash: hash, Module: wasm, ChainID: "test", Validators: validators, Scheme: scheme, Dir: dir,
		Time: time.Now(), Hosts: hosts(t, validators)}); err != nil {
		t.Fatal(err)
	}
	m := &machines{t: t}
	for i := range validators {
		m.homes = append(m.homes, filepath.Join(dir, fmt.Sprintf("node%d", i)))
	}
	return m
}

func (m *machines) startAll(env ...string) {
	m.t.Helper()
	for i := range m.homes {
		m.nodes = append(m.nodes, start(m.t, m.homes[i], env...))
	}
	for _, n := range m.nodes {
		n.waitUp(m.t)
	}
}

// final makes transactions that nobody sent before final through a node.
func (m *machines) final(n *running, txs ...[]byte) (height uint64) {
	m.t.Helper()
	if len(txs) == 0 {
		txs = [][]byte{fmt.Appendf(nil, "transaction %d", m.sent.Add(1))}
	}
	for _, tx := range txs {
		res, err := n.rpc.SubmitTransaction(m.t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx, Wait: nodev1.Wait_WAIT_FINAL, TimeoutMs: 60_000}))
		if err != nil {
			m.t.Fatalf("transaction %.40q: %v", tx, err)
		}
		if res.Msg.Receipt == nil || res.Msg.Receipt.Receipt.Code != 0 {
			m.t.Fatalf("transaction %.40q: %v, want a receipt of success", tx, res.Msg)
		}
		height = max(height, res.Msg.Height)
	}
	return height
}

// change is the transaction that begins an epoch with another executor and the
// validators of genesis.
func (m *machines) change(hash types.Hash, engine uint32) []byte {
	m.t.Helper()
	document, err := genesis.Load(filepath.Join(filepath.Dir(m.homes[0]), home.GenesisName))
	if err != nil {
		m.t.Fatal(err)
	}
	epoch := document.Epoch()
	params := &executorv1.EpochParams{ExecutorHash: hash[:], Engine: engine, MaxBlockBytes: epoch.MaxBytes, MaxBlockGas: epoch.MaxGas}
	for _, v := range epoch.Validators {
		params.Validators = append(params.Validators, &executorv1.Validator{ConsensusKey: v.ConsensusKey, NetworkKey: v.NetworkKey[:], Power: v.Power, Possession: v.Possession})
	}
	tx, err := executortest.EpochTransaction(params)
	if err != nil {
		m.t.Fatal(err)
	}
	return tx
}

// epoch is an epoch as a node tells it, nil if it does not know it yet.
func (m *machines) epoch(n *running, number uint64) *nodev1.Epoch {
	m.t.Helper()
	res, err := n.rpc.ListEpochs(m.t.Context(), connect.NewRequest(&nodev1.ListEpochsRequest{From: number, Limit: 1}))
	if err != nil {
		m.t.Fatal(err)
	}
	if len(res.Msg.Epochs) == 0 {
		return nil
	}
	return res.Msg.Epochs[0].Epoch
}

// enters waits until nodes are in an epoch.
func (m *machines) enters(number uint64, nodes ...*running) {
	m.t.Helper()
	for _, n := range nodes {
		m.until(n, fmt.Sprintf("it enters epoch %d", number), func(s *nodev1.GetStatusResponse) bool { return s.Epoch >= number })
	}
}

func (m *machines) until(n *running, what string, ok func(*nodev1.GetStatusResponse) bool) {
	m.t.Helper()
	for end := time.Now().Add(deadline); ; <-time.After(20 * time.Millisecond) {
		s := n.status(m.t)
		if ok(s) {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("%s, never: %s; status %v", n.home, what, s)
		}
	}
}

func (m *machines) admin(i int) nodev1connect.AdminServiceClient {
	m.t.Helper()
	cfg, _, err := config.Load(m.homes[i], nil)
	if err != nil {
		m.t.Fatal(err)
	}
	return nodev1connect.NewAdminServiceClient(&httpClient, "http://"+cfg.Admin.Listen)
}

// add gives a node a module.
func (m *machines) add(i int, wasm []byte) {
	m.t.Helper()
	res, err := m.admin(i).AddExecutor(m.t.Context(), connect.NewRequest(&nodev1.AddExecutorRequest{Module: wasm}))
	if err != nil || !res.Msg.Verdict.Accepted {
		m.t.Fatalf("add a module: %v, %v", res, err)
	}
}

// version asks which module answers for a height (0: the newest).
func (m *machines) version(n *running, height uint64) uint32 {
	m.t.Helper()
	res, err := n.rpc.Query(m.t.Context(), connect.NewRequest(&nodev1.QueryRequest{Path: "version", Height: height}))
	if err != nil {
		m.t.Fatal(err)
	}
	return res.Msg.Code
}

// agree holds that all nodes have the same outcomes up to a height.
func (m *machines) agree(height uint64) {
	m.t.Helper()
	var want []byte
	for _, n := range m.nodes {
		n.waitHeight(m.t, height)
		res, err := n.rpc.ListOutcomes(m.t.Context(), connect.NewRequest(&nodev1.ListOutcomesRequest{From: height, Limit: 1}))
		if err != nil {
			m.t.Fatal(err)
		}
		// An outcome holds the hash of the one before it, so this one stands for all.
		got := fmt.Appendf(nil, "%v", res.Msg.Outcomes)
		if want != nil && !bytes.Equal(got, want) {
			m.t.Fatalf("outcome %d: %s at %s, %s elsewhere", height, got, n.home, want)
		}
		want = got
	}
}

// The module of an epoch reaches all nodes from the one that has it, and they change
// over at one height without a restart; one that fails every block is reverted; a
// migration holds transactions back and loses none; a node that was away follows
// through it all; and every height stays readable, and replays, by its own module.
func TestExecutorChangesOnARunningNetwork(t *testing.T) {
	t.Parallel() // it waits more than it computes
	m := newMachines(t, 4, "ed25519")
	m.startAll()
	all := m.nodes
	before := m.final(all[1])
	next, nextHash := machine(t, executortest.Variant{Version: 2})
	m.add(0, next)
	m.rehearses(0)
	m.nodes[3].end(t) // away until the end
	m.nodes = all[:3]

	at := m.final(all[1], m.change(nextHash, 1))
	m.enters(2, m.nodes...)
	after := m.final(all[2])
	m.agree(after)
	if r := m.rehearse(0, nextHash); r.FromHeight != at+1 || r.ToHeight < after || !r.Same {
		t.Errorf("rehearsed on what the executor before executed too: %v", r)
	}
	for _, n := range m.nodes {
		if s := n.status(t); !bytes.Equal(s.Executor.Hash, nextHash[:]) || s.Executor.Missing != "" {
			t.Errorf("%s runs %x, missing %q", n.home, s.Executor.Hash, s.Executor.Missing)
		}
		for height, want := range map[uint64]uint32{before: 1, at: 1, after: 2, 0: 2} {
			if got := m.version(n, height); got != want {
				t.Errorf("%s: version %d answers for height %d, want %d", n.home, got, height, want)
			}
		}
	}

	reverted := m.revert(nextHash, 3)
	m.migrate()
	tip := m.final(all[0])
	m.nodes = append(m.nodes, start(t, m.homes[3]))
	m.nodes[3].waitUp(t)
	m.enters(5, m.nodes[3])
	tip = max(tip, m.final(m.nodes[3]))
	m.agree(tip)
	if got := m.version(m.nodes[3], reverted); got != 3 {
		t.Errorf("version %d answers for height %d of the node that was away, want 3", got, reverted)
	}
	for _, n := range m.nodes {
		n.end(t)
	}
	m.replay(tip, 16)
}

// rehearse runs a module that a node holds on its blocks.
func (m *machines) rehearse(i int, hash types.Hash) *nodev1.RehearseExecutorResponse {
	m.t.Helper()
	res, err := m.admin(i).RehearseExecutor(m.t.Context(), connect.NewRequest(&nodev1.RehearseExecutorRequest{Which: &nodev1.RehearseExecutorRequest_Hash{Hash: hash[:]}}))
	if err != nil {
		m.t.Fatal(err)
	}
	return res.Msg
}

// rehearses holds what a running node says of modules: by a file, and by the hash of
// one that it holds.
func (m *machines) rehearses(i int) {
	m.t.Helper()
	ask := func(req *nodev1.RehearseExecutorRequest) *nodev1.RehearseExecutorResponse {
		res, err := m.admin(i).RehearseExecutor(m.t.Context(), connect.NewRequest(req))
		if err != nil {
			m.t.Fatal(err)
		}
		return res.Msg
	}
	_, held := machine(m.t, executortest.Variant{Version: 2})
	r := m.rehearse(i, held)
	if !r.Verdict.Accepted || !r.Same || r.FailedBlocks != 0 || r.FromHeight != 1 || r.ToHeight == 0 || r.Transactions == 0 || r.GasBefore != r.GasAfter {
		m.t.Errorf("a module that does the same: %v", r)
	}
	broken, _ := machine(m.t, executortest.Variant{Version: 3, Traps: true})
	r = ask(&nodev1.RehearseExecutorRequest{Which: &nodev1.RehearseExecutorRequest_Module{Module: broken}, Blocks: 1})
	if !r.Verdict.Accepted || r.Same || r.FailedBlocks != 1 || len(r.Differences) != 1 || r.Differences[0].What != "block" {
		m.t.Errorf("a module that fails every block: %v", r)
	}
	if r = ask(&nodev1.RehearseExecutorRequest{Which: &nodev1.RehearseExecutorRequest_Module{Module: []byte("none")}}); r.Verdict.Accepted || r.Verdict.Reason == "" {
		m.t.Errorf("no module: %v", r)
	}
}

// revert begins an epoch with a module that fails every block, and waits until the
// former one is back in the next. It answers the height of the epoch's last block.
func (m *machines) revert(former types.Hash, number uint64) uint64 {
	m.t.Helper()
	broken, hash := machine(m.t, executortest.Variant{Version: 3, Traps: true})
	m.add(2, broken)
	begin := m.final(m.nodes[0], m.change(hash, 1))
	ctx, cancel := context.WithCancel(m.t.Context())
	taken := make(chan [][]byte)
	go func() { // something to propose
		var in [][]byte
		for ctx.Err() == nil {
			tx := fmt.Appendf(nil, "transaction %d", m.sent.Add(1))
			res, err := m.nodes[0].rpc.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx}))
			if err == nil && res.Msg.Result.GetStatus() == nodev1.SubmitStatus_SUBMIT_STATUS_ACCEPTED { // the pool may be changing over
				in = append(in, tx)
			}
			<-time.After(20 * time.Millisecond)
		}
		taken <- in
	}()
	m.enters(number+1, m.nodes...)
	cancel()
	waited := <-taken
	if len(waited) == 0 { // how many depends on how fast the epoch failed
		m.t.Error("no transaction came in during the failed epoch")
	}
	for _, tx := range waited { // none is taken for what made the blocks fail
		m.executed(m.nodes[1], tx)
	}
	last := begin + types.RevertRun
	res, err := m.nodes[1].rpc.ListOutcomes(m.t.Context(), connect.NewRequest(&nodev1.ListOutcomesRequest{From: begin, Limit: types.RevertRun + 1}))
	if err != nil || len(res.Msg.Outcomes) != types.RevertRun+1 {
		m.t.Fatalf("outcomes from %d: %v, %v", begin, res, err)
	}
	root := res.Msg.Outcomes[0].StateRoot
	for i, o := range res.Msg.Outcomes[1:] {
		ends := len(bytes.Trim(o.NextEpoch, "\x00")) > 0
		if !bytes.Equal(o.StateRoot, root) || o.FailedRun != uint32(i+1) || ends != (o.Height == last) {
			m.t.Errorf("height %d: root %x, failed run %d, ends its epoch: %v; want root %x, run %d", o.Height, o.StateRoot, o.FailedRun, ends, root, i+1)
		}
	}
	trial, back := m.epoch(m.nodes[1], number), m.epoch(m.nodes[1], number+1)
	if !bytes.Equal(back.ExecutorHash, former[:]) || back.Engine != 1 || fmt.Sprint(back.Validators) != fmt.Sprint(trial.Validators) {
		m.t.Errorf("after the revert: %v", back)
	}
	m.agree(m.final(m.nodes[1]))
	return last
}

// executed waits until a transaction that is in the pools is final.
func (m *machines) executed(n *running, tx []byte) {
	m.t.Helper()
	hash := types.TxHash(tx)
	for end := time.Now().Add(deadline); ; <-time.After(20 * time.Millisecond) {
		res, err := n.rpc.GetTransaction(m.t.Context(), connect.NewRequest(&nodev1.GetTransactionRequest{TxHash: hash[:]}))
		if err == nil && res.Msg.State == nodev1.TransactionState_TRANSACTION_STATE_FINAL {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("transaction %.40q is not executed: %v, %v", tx, res, err)
		}
	}
}

// migrate begins epoch 5 with a module that migrates over several blocks, and has a
// transaction wait for the end of that.
func (m *machines) migrate() {
	m.t.Helper()
	until := m.nodes[0].status(m.t).FinalHeight + 12
	wasm, hash := machine(m.t, executortest.Variant{Version: 4, MigratesUntil: uint32(until)})
	m.add(1, wasm)
	m.final(m.nodes[0], m.change(hash, 1))
	m.enters(5, m.nodes...)
	for i, n := range m.nodes { // offered to all of them in the midst of it
		if height := m.final(n); i == 0 && height < until {
			m.t.Errorf("a transaction was executed at height %d, in the midst of the migration until %d", height, until)
		}
	}
}

// replay executes all blocks again.
func (m *machines) replay(tip, failed uint64) {
	m.t.Helper()
	for _, i := range []int{0, 3} {
		cfg, _, err := config.Load(m.homes[i], nil)
		if err != nil {
			m.t.Fatal(err)
		}
		r, err := node.Replay(m.t.Context(), node.ReplayOptions{Home: m.homes[i], Config: &cfg})
		if err != nil || r.To < tip || r.FailedBlocks != failed {
			m.t.Errorf("replay of node %d: %+v, %v; want height %d with %d failed blocks", i, r, err, tip, failed)
		}
	}
}

// A node that cannot have the next executor says so, goes on serving what it has, and
// enters the epoch when a person brings the module.
func TestNodeWithoutTheNextExecutorWaitsForIt(t *testing.T) {
	t.Parallel() // it waits more than it computes
	m := newMachines(t, 4, "ed25519")
	m.startAll("BEDROCK_EXECUTOR_FETCH=false")
	next, hash := machine(t, executortest.Variant{Version: 2})
	for i := range 3 {
		m.add(i, next)
	}
	at := m.final(m.nodes[0], m.change(hash, 1))
	m.enters(2, m.nodes[:3]...)
	m.final(m.nodes[0]) // three of four go on
	m.until(m.nodes[3], "it says what it lacks", func(s *nodev1.GetStatusResponse) bool {
		return strings.Contains(s.Executor.Missing, hash.String()) && s.Epoch == 1 && s.FinalHeight == at
	})
	cfg, _, err := config.Load(m.homes[3], nil)
	if err != nil {
		t.Fatal(err)
	}
	ready, err := http.Get("http://" + cfg.Ops.Listen + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(ready.Body)
	if err = errors.Join(err, ready.Body.Close()); err != nil || ready.StatusCode == http.StatusOK || !strings.Contains(string(body), "lacks the executor "+hash.String()) {
		t.Errorf("readyz: %d %s, %v", ready.StatusCode, body, err)
	}
	if got := m.version(m.nodes[3], at); got != 1 {
		t.Errorf("version %d answers for the last height that it has", got)
	}
	m.add(3, next)
	m.enters(2, m.nodes[3])
	m.agree(m.final(m.nodes[3]))
	for _, n := range m.nodes {
		n.end(t)
	}
}

// An epoch whose engine a program lacks ends it, with what to do, and so does every
// further start.
func TestUnknownEngineEndsTheNode(t *testing.T) {
	t.Parallel() // it waits more than it computes
	m := newMachines(t, 1, "ed25519")
	m.startAll()
	_, hash := machine(t, executortest.Variant{Version: 1})
	tx := m.change(hash, 2)
	if _, err := m.nodes[0].rpc.SubmitTransaction(t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx})); err != nil {
		t.Fatal(err)
	}
	want := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, executor.ErrNoEngine) || !strings.Contains(err.Error(), "engine number 2") || !strings.Contains(err.Error(), "install a release that has it") {
			t.Errorf("%s: %v", what, err)
		}
	}
	select {
	case err := <-m.nodes[0].done:
		want("the node ended", err)
	case <-time.After(deadline):
		t.Fatal("the node goes on")
	}
	cfg, _, err := config.Load(m.homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = node.New(t.Context(), node.Options{Home: m.homes[0], Config: &cfg, Log: slog.New(slog.DiscardHandler), Version: "test"})
	want("started again", err)
}

// A newcomer whose release has another module built in than the chain began with
// brings that one from its peers before it makes genesis; one without peers says what
// to do.
func TestNewcomerBringsTheModuleOfGenesis(t *testing.T) {
	t.Parallel() // it waits more than it computes
	m := newMachines(t, 4, "ed25519")
	for i := range 3 {
		m.nodes = append(m.nodes, start(t, m.homes[i]))
	}
	for _, n := range m.nodes {
		n.waitUp(t)
	}
	m.final(m.nodes[0])
	m.nodes = append(m.nodes, start(t, m.homes[3], "BEDROCK_EXECUTOR_MODULE="))
	m.nodes[3].waitUp(t)
	m.agree(m.final(m.nodes[3]))
	for _, n := range m.nodes {
		n.end(t)
	}

	alone := newMachines(t, 1, "ed25519")
	cfg, _, err := config.Load(alone.homes[0], []string{"BEDROCK_EXECUTOR_MODULE="})
	if err != nil {
		t.Fatal(err)
	}
	_, err = node.New(t.Context(), node.Options{Home: alone.homes[0], Config: &cfg, Log: slog.New(slog.DiscardHandler), Version: "test"})
	if !errors.Is(err, executor.ErrNoModule) || !strings.Contains(err.Error(), "bedrock executor add") {
		t.Errorf("without a peer: %v", err)
	}
}

// The epoch that the host makes has proofs of possession, as every other.
func TestBrokenExecutorIsRevertedUnderBLS(t *testing.T) {
	t.Parallel() // it waits more than it computes
	m := newMachines(t, 4, "bls12381")
	// The machine knows no nonces: a journal would bring the epoch changes again.
	const noJournal = "BEDROCK_MEMPOOL_JOURNAL=false"
	m.startAll(noJournal)
	_, former := machine(t, executortest.Variant{Version: 1})
	m.final(m.nodes[0])
	m.revert(former, 2)
	for i, n := range m.nodes { // what the host made is read again at a start
		n.end(t)
		m.nodes[i] = start(t, m.homes[i], noJournal)
	}
	for _, n := range m.nodes {
		n.waitUp(t)
	}
	m.agree(m.final(m.nodes[3]))
	for _, n := range m.nodes {
		n.end(t)
	}
}
