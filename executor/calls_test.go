package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

func encode(t testing.TB, message proto.Message) []byte {
	t.Helper()
	b, err := marshal(nil, message)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verifyCode is a verify in WAT: it walks the request's transactions (each of
// less than 128 bytes) and answers each with a verdict of that nonce, its first
// letter; one that starts with 'P' traps.
const verifyCode = `(local $end i32) (local $out i32)
  (local.set $end (i32.add (local.get 0) (local.get 1)))
  (local.set 0 (i32.add (local.get 0) (i32.const 34)))
  (local.set $out (i32.const 262144))
  (loop $next
    (if (i32.lt_u (local.get 0) (local.get $end)) (then
      (if (i32.eq (i32.load8_u offset=2 (local.get 0)) (i32.const 80)) (then (unreachable)))
      (i32.store8 (local.get $out) (i32.const 0x0a))
      (i32.store8 offset=1 (local.get $out) (i32.const 2))
      (i32.store8 offset=2 (local.get $out) (i32.const 0x20))
      (i32.store8 offset=3 (local.get $out) (i32.load8_u offset=2 (local.get 0)))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (local.set 0 (i32.add (i32.add (local.get 0) (i32.const 2)) (i32.load8_u offset=1 (local.get 0))))
      (br $next))))
  (i64.or (i64.shl (i64.const 262144) (i64.const 32)) (i64.extend_i32_u (i32.sub (local.get $out) (i32.const 262144))))`

func TestVerifyHalvesAroundPoison(t *testing.T) {
	m := load(t, testEngine(t), watModule{exports: map[string]string{"verify": verifyCode}})
	for _, poisoned := range [][]int{nil, {0}, {699}, {3, 4, 350, 351, 352}} {
		transactions := make([][]byte, 700)
		for i := range transactions {
			transactions[i] = fmt.Appendf(nil, "%c %d", 'a'+i%26, i)
		}
		for _, i := range poisoned {
			transactions[i][0] = 'P'
		}
		verdicts, err := m.Verify(context.Background(), [32]byte{1}, transactions)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range verdicts {
			want := Verdict{Nonce: uint64(transactions[i][0])}
			if transactions[i][0] == 'P' {
				want = Verdict{Code: VerdictTrapped, Log: v.Log}
			}
			if diff := cmp.Diff(want, v); diff != "" {
				t.Fatalf("poison at %v, transaction %d (-want +got):\n%s", poisoned, i, diff)
			}
		}
	}
	if verdicts, err := m.Verify(context.Background(), [32]byte{}, nil); err != nil || len(verdicts) != 0 {
		t.Errorf("no transactions: got %v, %v", verdicts, err)
	}
}

func TestVerifyErrors(t *testing.T) {
	m := load(t, testEngine(t), watModule{exports: map[string]string{"verify": verifyCode}})
	var input *InputError
	if _, err := m.Verify(context.Background(), [32]byte{}, make([][]byte, 65_537)); !errors.As(err, &input) {
		t.Errorf("too many: got %v, want an input error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var fault *HostFault
	if _, err := m.Verify(ctx, [32]byte{}, [][]byte{{1}}); !errors.As(err, &fault) {
		t.Errorf("cancelled: got %v, want a host fault", err)
	}
	// An answer with a verdict too few or too many refuses the transactions.
	short := load(t, testEngine(t), watModule{answer: encode(t, &executorv1.VerifyResponse{Verdicts: make([]*executorv1.VerifyVerdict, 0)})})
	long := load(t, testEngine(t), watModule{answer: encode(t, &executorv1.VerifyResponse{Verdicts: []*executorv1.VerifyVerdict{{}, {}}})})
	wide := load(t, testEngine(t), watModule{answer: encode(t, &executorv1.VerifyResponse{Verdicts: []*executorv1.VerifyVerdict{{Sender: make([]byte, 65)}}})})
	for _, m := range []*Module{short, long, wide} {
		if verdicts, err := m.Verify(context.Background(), [32]byte{}, [][]byte{{1}}); err != nil || verdicts[0].Code != VerdictTrapped {
			t.Errorf("malformed answer: got %v, %v", verdicts, err)
		}
	}
}

// verify reads no state: every import is closed to it.
func TestImportsAreOpenByExport(t *testing.T) {
	open := map[string]string{
		"genesis": "state_read state_write", "verify": "", "query": "state_read consume_gas block_metadata",
		"check": "state_read consume_gas block_metadata", "execute": "state_read state_write emit_event consume_gas block_metadata",
	}
	answers := map[string][]byte{
		"genesis": encode(t, &executorv1.GenesisResponse{StateRoot: make([]byte, 32)}), "execute": response(t, nil),
		"verify": encode(t, &executorv1.VerifyResponse{Verdicts: []*executorv1.VerifyVerdict{{}}}), "check": {}, "query": {},
	}
	chain, empty := newChain(t), listOf()
	for export, allowed := range open {
		for _, name := range []string{"state_read", "state_write", "emit_event", "consume_gas", "block_metadata"} {
			m := load(t, testEngine(t), watModule{requests: empty, answer: answers[export], exports: map[string]string{export: calling(name, empty) + "ANSWER"}})
			trap := callExport(t, m, chain, export)
			if want := !strings.Contains(allowed, name); (trap != nil) != want || trap != nil && trap.Kind != TrapImport {
				t.Errorf("%s in %s: got %v, want a trap: %v", name, export, trap, want)
			}
		}
	}
}

// callExport answers with the trap that the export made, nil if none.
func callExport(t *testing.T, m *Module, chain *testChain, export string) *ModuleTrap {
	t.Helper()
	ctx, at := context.Background(), blockFor(m).Context
	var err error
	switch export {
	case "genesis":
		_, err = m.Genesis(ctx, &executorv1.GenesisRequest{GenesisHash: make([]byte, 32)})
	case "verify":
		err = m.verifyOnce(ctx, [32]byte{}, [][]byte{{1}}, make([]Verdict, 1))
	case "check":
		_, err = m.Check(ctx, chain.view, at, nil)
	case "query":
		_, err = m.Query(ctx, chain.view, at, "", nil, false)
	case "execute":
		_, err = m.execute(ctx, chain.view, blockFor(m))
	}
	var trap *ModuleTrap
	if err != nil && !errors.As(err, &trap) {
		t.Fatalf("%s: %v", export, err)
	}
	return trap
}

func TestGenesis(t *testing.T) {
	writes := listOf(writeValue(1, state.Address{1}, "k", "v"), writePage([]byte{0}, "root"))
	hash := bytes.Repeat([]byte{3}, 32)
	request := &executorv1.GenesisRequest{GenesisHash: hash, ChainId: "test", AppState: []byte("{}")}
	m := load(t, testEngine(t), watModule{requests: writes, answer: encode(t, &executorv1.GenesisResponse{StateRoot: bytes.Repeat([]byte{9}, 32)}), exports: map[string]string{"genesis": calling("state_write", writes) + "ANSWER"}})
	result, err := m.Genesis(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	after := state.Ref{Root: [32]byte(bytes.Repeat([]byte{9}, 32))}
	if got := result.Overlay.WriteSet(); got.After != after || got.Block != state.BlockID(hash) || len(got.Values) != 1 || len(got.Pages) != 1 {
		t.Errorf("write set: got %+v", got)
	}
	if !result.Success || result.StateRoot != after.Root || result.ReceiptsRoot != receipts.NoneRoot {
		t.Errorf("result: got %+v", result)
	}
	refusing := load(t, testEngine(t), watModule{answer: encode(t, &executorv1.GenesisResponse{Error: "no such account"})})
	var refused *RefusedError
	if _, err := refusing.Genesis(context.Background(), request); !errors.As(err, &refused) || refused.Reason != "no such account" {
		t.Errorf("refused document: got %v", err)
	}
	var trap *ModuleTrap
	rootless := load(t, testEngine(t), watModule{answer: nil})
	if _, err := rootless.Genesis(context.Background(), request); !errors.As(err, &trap) {
		t.Errorf("answer without a root: got %v, want a trap", err)
	}
	var input *InputError
	if _, err := m.Genesis(context.Background(), &executorv1.GenesisRequest{}); !errors.As(err, &input) {
		t.Errorf("no genesis hash: got %v, want an input error", err)
	}
}

func TestCheckAndQuery(t *testing.T) {
	chain := newChain(t)
	want := []*executorv1.CheckVerdict{{Code: 3, Nonce: 4, Log: "no"}, {Sender: []byte("s")}}
	m := load(t, testEngine(t), watModule{answer: encode(t, &executorv1.CheckResponse{Verdicts: want})})
	items := []*executorv1.CheckItem{{Transaction: []byte{1}}, {Transaction: []byte{2}}}
	got, err := m.Check(context.Background(), chain.view, blockFor(m).Context, items)
	if err != nil || len(got) != 2 || !proto.Equal(got[0], want[0]) || !proto.Equal(got[1], want[1]) {
		t.Errorf("check: got %v, %v", got, err)
	}
	var trap *ModuleTrap
	if _, err := m.Check(context.Background(), chain.view, blockFor(m).Context, items[:1]); !errors.As(err, &trap) {
		t.Errorf("a verdict too many: got %v, want a trap", err)
	}
	answer := &executorv1.QueryResponse{Value: []byte("value"), Proof: []byte("proof")}
	q := load(t, testEngine(t), watModule{answer: encode(t, answer)})
	if got, err := q.Query(context.Background(), chain.view, blockFor(q).Context, "account", nil, true); err != nil || !proto.Equal(got, answer) {
		t.Errorf("query: got %v, %v", got, err)
	}
	garbage := load(t, testEngine(t), watModule{answer: []byte("\xff\xff")})
	if _, err := garbage.Query(context.Background(), chain.view, blockFor(q).Context, "account", nil, true); !errors.As(err, &trap) {
		t.Errorf("garbage: got %v, want a trap", err)
	}
	disk := errors.New("disk on fire")
	request := listOf(readValue(state.Address{1}))
	reading := load(t, testEngine(t), watModule{requests: request, exports: map[string]string{
		"check": calling("state_read", request) + "ANSWER", "query": calling("state_read", request) + "ANSWER",
	}})
	chain.base.SetFault(func() error { return disk })
	var fault *HostFault
	if _, err := reading.Check(context.Background(), chain.view, blockFor(m).Context, nil); !errors.As(err, &fault) || !errors.Is(err, disk) {
		t.Errorf("check with a failing disk: got %v", err)
	}
	if _, err := reading.Query(context.Background(), chain.view, blockFor(m).Context, "", nil, false); !errors.As(err, &fault) || !errors.Is(err, disk) {
		t.Errorf("query with a failing disk: got %v", err)
	}
}
