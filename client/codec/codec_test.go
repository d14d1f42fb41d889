package codec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/client/proof/rfc6962"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func h(s string) types.Hash { return types.SumHash([]byte(s)) }

var (
	testHeader = types.Header{Genesis: h("g"), Epoch: 2, View: 3, Height: 4, Parent: h("p"), Proposer: 1,
		TimestampMs: 5, PayloadRoot: h("r"), EvidenceRoot: h("e")}
	testOutcome = types.Outcome{Height: 4, Block: h("b"), StateRoot: h("s"), ReceiptsRoot: h("rr"), FailedRun: 65535, Parent: h("po")}
	testCC      = types.CC{Epoch: 2, View: 3, Height: 4, Block: h("b"), Outcome: testOutcome,
		Commits: types.Aggregate{Signers: []byte{7}, Signature: make([]byte, 192)}}
	testEpoch = types.Epoch{Number: 2, Scheme: types.SchemeEd25519, ExecutorHash: h("x"), Engine: 1, MaxBytes: 1 << 20, MaxGas: 9,
		Validators: []types.Validator{{ConsensusKey: make([]byte, 32), NetworkKey: h("n"), Power: 3}}}
)

func TestThereAndBack(t *testing.T) {
	if got, err := HeaderFrom(HeaderTo(&testHeader)); err != nil || got != testHeader {
		t.Errorf("header: %v\n%s", err, cmp.Diff(testHeader, got))
	}
	ending := testOutcome
	ending.NextEpoch = h("next")
	for _, o := range []types.Outcome{testOutcome, ending} {
		if got, err := OutcomeFrom(OutcomeTo(&o)); err != nil || got != o {
			t.Errorf("outcome: %v\n%s", err, cmp.Diff(o, got))
		}
	}
	if got, err := CommitFrom(CommitTo(&testCC)); err != nil || !cmp.Equal(*got, testCC) {
		t.Errorf("certificate: %v", err)
	}
	start := types.EpochStart{Epoch: testEpoch, Certificate: &testCC}
	if got, err := EpochStartFrom(EpochStartTo(&start)); err != nil || !cmp.Equal(*got, start) {
		t.Errorf("epoch: %v", err)
	}
	receipt := receipts.Receipt{TxHash: h("t"), Code: 3, GasUsed: 4, EventsRoot: h("ev")}
	if got, err := ReceiptFrom(ReceiptTo(&receipt)); err != nil || !cmp.Equal(got, receipt) {
		t.Errorf("receipt: %v", err)
	}
	event := receipts.Event{Type: "t", Attributes: []receipts.Attribute{{Key: "k", Value: []byte("v")}}}
	if got, err := EventFrom(EventTo(&event)); err != nil || !cmp.Equal(got, event) {
		t.Errorf("event: %v", err)
	}
}

func TestFromRefuses(t *testing.T) {
	header := func(change func(*nodev1.Header)) error {
		m := HeaderTo(&testHeader)
		change(m)
		_, err := HeaderFrom(m)
		return err
	}
	commit := func(change func(*nodev1.CommitCertificate)) error {
		m := CommitTo(&testCC)
		m.Outcome = proto.Clone(m.Outcome).(*nodev1.Outcome)
		change(m)
		_, err := CommitFrom(m)
		return err
	}
	_, noHeader := HeaderFrom(nil)
	_, noCommit := CommitFrom(nil)
	for name, err := range map[string]error{
		"no header":         noHeader,
		"no certificate":    noCommit,
		"short hash":        header(func(m *nodev1.Header) { m.ParentId = m.ParentId[:31] }),
		"long hash":         header(func(m *nodev1.Header) { m.PayloadRoot = make([]byte, 33) }),
		"no outcome":        commit(func(m *nodev1.CommitCertificate) { m.Outcome = nil }),
		"no votes":          commit(func(m *nodev1.CommitCertificate) { m.Commits = nil }),
		"zero next epoch":   commit(func(m *nodev1.CommitCertificate) { m.Outcome.NextEpoch = make([]byte, 32) }),
		"failed run":        commit(func(m *nodev1.CommitCertificate) { m.Outcome.FailedRun = 65536 }),
		"too many signers":  commit(func(m *nodev1.CommitCertificate) { m.Commits.Signers = make([]byte, 200) }),
		"a long signature":  commit(func(m *nodev1.CommitCertificate) { m.Commits.Signature = make([]byte, 1<<20) }),
		"short outcome key": commit(func(m *nodev1.CommitCertificate) { m.Outcome.StateRoot = nil }),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestInclusionOfEveryLeaf(t *testing.T) {
	for count := 1; count <= 17; count++ {
		leaves := make([][]byte, count)
		for i := range leaves {
			leaves[i] = fmt.Appendf(nil, "leaf %d", i)
		}
		root := types.Hash(rfc6962.Root(leaves))
		for i := range leaves {
			p, err := rfc6962.Prove(leaves, i)
			if err != nil {
				t.Fatal(err)
			}
			m := InclusionTo(p)
			if got, err := RootOver(m, leaves[i]); err != nil || got != root {
				t.Fatalf("leaf %d of %d leads to %s (%v), want %s", i, count, got, err, root)
			}
			// Each direction is bound by the root.
			for bit := range len(m.Path) {
				m.Left ^= 1 << bit
				if got, _ := RootOver(m, leaves[i]); got == root {
					t.Errorf("leaf %d of %d: direction %d can be turned", i, count, bit)
				}
				m.Left ^= 1 << bit
			}
			m.Left |= 1 << len(m.Path)
			if _, err := RootOver(m, leaves[i]); err == nil || !strings.Contains(err.Error(), "directions") {
				t.Errorf("a direction beyond the path was accepted: %v", err)
			}
		}
	}
}
