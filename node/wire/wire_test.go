package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/types"
	typesv1 "github.com/bedrock-bft/bedrock/proto/bedrock/types/v1"
)

func hashOf(s string) types.Hash { return types.SumHash([]byte(s)) }

func sampleBlock() *types.Block {
	b := &types.Block{
		Payload:  [][]byte{[]byte("first"), {}, bytes.Repeat([]byte{7}, 300)},
		Evidence: [][]byte{{1, 2, 3}},
	}
	b.Header = types.Header{Genesis: hashOf("g"), Epoch: 2, View: 300, Height: 70_000, Parent: hashOf("p"),
		Proposer: 3, TimestampMs: 1_700_000_000_000,
		PayloadRoot: types.ListRoot(b.Payload), EvidenceRoot: types.ListRoot(b.Evidence)}
	return b
}

func sampleCC() *types.CC {
	return &types.CC{Epoch: 2, View: 9, Height: 12, Block: hashOf("b"),
		Outcome: types.Outcome{Height: 12, Block: hashOf("b"), StateRoot: hashOf("s"), ReceiptsRoot: hashOf("r"),
			NextEpoch: hashOf("n"), FailedRun: types.NoFailedRun, Parent: hashOf("o")},
		Commits: types.Aggregate{Signers: []byte{0x07}, Signature: bytes.Repeat([]byte{1}, 192)}}
}

func sampleQC(view uint64) *types.QC {
	return &types.QC{Epoch: 2, View: view, Height: 12, Block: hashOf("b"),
		Prepares: &types.Aggregate{Signers: []byte{0x0d}, Signature: bytes.Repeat([]byte{2}, 192)}}
}

func sampleTC() *types.TC {
	agg := types.Aggregate{Signers: []byte{1}, Signature: bytes.Repeat([]byte{3}, 64)}
	return &types.TC{Epoch: 2, View: 10, High: *sampleQC(9),
		Groups: []types.TimeoutGroup{{HighView: 0, Sigs: agg}, {HighView: 9, Sigs: agg}}}
}

func sampleEpoch() types.Epoch {
	return types.Epoch{Number: 3, Scheme: types.SchemeBLS12381, ExecutorHash: hashOf("x"), Engine: 1,
		MaxBytes: 1 << 21, MaxGas: 1 << 40,
		Validators: []types.Validator{
			{ConsensusKey: bytes.Repeat([]byte{5}, 96), NetworkKey: hashOf("v0"), Power: 1, Possession: bytes.Repeat([]byte{6}, 48)},
			{ConsensusKey: bytes.Repeat([]byte{8}, 96), NetworkKey: hashOf("v1"), Power: 1 << 31},
		}}
}

// sampleMessages has every kind of message, and the corners of the optional fields.
func sampleMessages() map[string]types.Message {
	sig := bytes.Repeat([]byte{9}, 64)
	block := sampleBlock()
	root := &types.QC{Epoch: 2, Height: 4, Block: hashOf("e"), Commit: sampleCC()}
	return map[string]types.Message{
		"optimistic": {Proposal: &types.Proposal{Epoch: 2, Kind: types.KindProposeOptimistic, View: 300,
			BlockID: block.ID(), Proposer: 3, Block: block, Signature: sig}},
		"normal by id": {Proposal: &types.Proposal{Epoch: 2, Kind: types.KindProposeNormal, View: 300,
			BlockID: block.ID(), QC: sampleQC(299), Signature: sig}},
		"fallback": {Proposal: &types.Proposal{Epoch: 2, Kind: types.KindProposeFallback, View: 11,
			BlockID: block.ID(), Block: block, QC: sampleQC(9), TC: sampleTC(), Signature: sig}},
		"prepare": {Prepare: &types.SignedPrepare{Epoch: 2, Validator: 1,
			Vote: types.Prepare{View: 7, Height: 9, Block: hashOf("b")}, Signature: sig}},
		"commit": {Commit: &types.SignedCommit{Epoch: 2, Validator: 1,
			Vote: types.Commit{View: 7, Height: 9, Block: hashOf("b"), Outcome: hashOf("o")}, Signature: sig}},
		"timeout":         {Timeout: &types.SignedTimeout{Epoch: 2, Vote: types.Timeout{View: 7}, High: *root, Signature: sig}},
		"timeout, votes":  {Timeout: &types.SignedTimeout{Epoch: 2, Vote: types.Timeout{View: 7, HighView: 6}, High: *sampleQC(6), Signature: sig}},
		"QC":              {QC: sampleQC(5)},
		"QC of genesis":   {QC: &types.QC{Epoch: 1, Block: hashOf("g")}},
		"CC":              {CC: sampleCC()},
		"TC":              {TC: sampleTC()},
		"epoch start":     {EpochStart: &types.EpochStart{Epoch: sampleEpoch(), Certificate: sampleCC()}},
		"first epoch":     {EpochStart: &types.EpochStart{Epoch: sampleEpoch()}},
		"unsigned commit": {Commit: &types.SignedCommit{Epoch: 2}},
	}
}

var cmpBlock = cmp.AllowUnexported(types.Block{})

// sameAsGenerated checks that b is what proto.Marshal makes of the same message.
func sameAsGenerated(t *testing.T, b []byte, m proto.Message) {
	t.Helper()
	if err := (proto.UnmarshalOptions{}).Unmarshal(b, m); err != nil {
		t.Fatalf("generated code does not read it: %v", err)
	}
	if len(m.ProtoReflect().GetUnknown()) != 0 {
		t.Fatal("fields that the generated code does not know")
	}
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, again) {
		t.Fatalf("generated code writes it otherwise:\n%x\n%x", b, again)
	}
}

func TestMessagesRoundTripAsGenerated(t *testing.T) {
	for name, m := range sampleMessages() {
		t.Run(name, func(t *testing.T) {
			b := EncodeMessage(&m)
			got, err := DecodeMessage(b)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(m, got, cmpBlock); d != "" {
				t.Fatal(d)
			}
			sameAsGenerated(t, b, &typesv1.Message{})
		})
	}
	if EncodeMessage(&types.Message{}) != nil {
		t.Error("an empty message has an encoding")
	}
}

func TestStandAloneRoundTrips(t *testing.T) {
	block, cc, tc, qc, epoch := sampleBlock(), sampleCC(), sampleTC(), sampleQC(5), sampleEpoch()
	state := &types.SafetyState{Epoch: 2, VotedView: 300, VotedBlock: block.ID(), VotedHeight: 70_000, TimeoutView: 299,
		Commit: &types.Commit{View: 298, Height: 69_999, Block: hashOf("b"), Outcome: hashOf("o")},
		Lock:   *sampleQC(298), EntryTC: tc, OptimisticView: 1, ProposedView: 2}
	entered := &types.SafetyState{Epoch: 2, Lock: *qc, EntryQC: qc}
	outcome := types.SignedOutcome{View: 1, Height: 2, Block: hashOf("b"), Outcome: hashOf("o")}
	check := func(name string, b []byte, want, got any, err error, m proto.Message) {
		t.Run(name, func(t *testing.T) {
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, cmpBlock); d != "" {
				t.Fatal(d)
			}
			sameAsGenerated(t, b, m)
		})
	}
	b := EncodeBlock(block)
	gotBlock, err := DecodeBlock(b)
	check("block", b, block, gotBlock, err, &typesv1.Block{})
	b = EncodeHeader(&block.Header)
	gotHeader, err := DecodeHeader(b)
	check("header", b, block.Header, gotHeader, err, &typesv1.Header{})
	b = EncodeOutcome(&cc.Outcome)
	gotOutcome, err := DecodeOutcome(b)
	check("outcome", b, cc.Outcome, gotOutcome, err, &typesv1.Outcome{})
	b = EncodeCC(cc)
	gotCC, err := DecodeCC(b)
	check("CC", b, cc, gotCC, err, &typesv1.CC{})
	b = EncodeTC(tc)
	gotTC, err := DecodeTC(b)
	check("TC", b, tc, gotTC, err, &typesv1.TC{})
	b = EncodeQC(qc)
	gotQC, err := DecodeQC(b)
	check("QC", b, qc, gotQC, err, &typesv1.QC{})
	b = EncodeEpoch(&epoch)
	gotEpoch, err := DecodeEpoch(b)
	check("epoch", b, epoch, gotEpoch, err, &typesv1.Epoch{})
	start := &types.EpochStart{Epoch: epoch, Certificate: cc}
	b = EncodeEpochStart(start)
	gotStart, err := DecodeEpochStart(b)
	check("epoch start", b, start, gotStart, err, &typesv1.EpochStart{})
	b = EncodeSafetyState(state)
	gotState, err := DecodeSafetyState(b)
	check("safety state", b, state, gotState, err, &typesv1.SafetyState{})
	b = EncodeSafetyState(entered)
	gotState, err = DecodeSafetyState(b)
	check("safety state by QC", b, entered, gotState, err, &typesv1.SafetyState{})
	b = EncodeSignedOutcome(&outcome)
	gotSigned, err := DecodeSignedOutcome(b)
	check("signed outcome", b, outcome, gotSigned, err, &typesv1.SignedOutcome{})
}

// TestEveryCutAndFlipIsRefusedOrCanonical cuts and changes each byte: what is still
// accepted must be the encoding of what was read.
func TestEveryCutAndFlipIsRefusedOrCanonical(t *testing.T) {
	for name, m := range sampleMessages() {
		b := EncodeMessage(&m)
		for i := range b {
			checkCanonical(t, name, b[:i:i])
			for _, x := range []byte{1, 0x80, 0xff} {
				c := bytes.Clone(b)
				c[i] ^= x
				checkCanonical(t, name, c)
			}
		}
	}
}

func checkCanonical(t *testing.T, name string, b []byte) {
	t.Helper()
	m, err := DecodeMessage(b)
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatalf("%s: error without ErrMalformed: %v", name, err)
		}
		return
	}
	if again := EncodeMessage(&m); !bytes.Equal(again, b) {
		t.Fatalf("%s: two encodings of one value:\n%x\n%x", name, b, again)
	}
}

func TestRefusals(t *testing.T) {
	sig := bytes.Repeat([]byte{9}, 64)
	block := sampleBlock()
	wrongPayload := *block
	wrongPayload.Payload = [][]byte{[]byte("other")}
	wrongEvidence := *block
	wrongEvidence.Evidence = nil
	longBitmap := sampleQC(5)
	longBitmap.Prepares.Signers = make([]byte, types.MaxValidators/8+1)
	longBitmap.Prepares.Signers[0] = 1
	both := sampleQC(5)
	both.Commit = sampleCC()
	tx := protowire.AppendTag(nil, 2, protowire.BytesType)
	tx = append(tx, 0)
	header := putMessage(nil, 1, func(b []byte) []byte { return putHeader(b, &block.Header) })
	big := putEntry(bytes.Clone(header), 2, make([]byte, types.MaxBlockBytes+1))
	evidence := protowire.AppendTag(nil, 3, protowire.BytesType)
	evidence = append(evidence, 0)
	message := func(m types.Message) []byte { return EncodeMessage(&m) }
	qcMessage := func(body ...byte) []byte {
		return putMessage(nil, 5, func(b []byte) []byte { return append(b, body...) })
	}
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "no known message"},
		{"two messages", append(message(types.Message{QC: sampleQC(5)}), message(types.Message{CC: sampleCC()})...), "unknown, repeated or misplaced"},
		{"payload of another block", message(types.Message{Proposal: &types.Proposal{BlockID: block.ID(), Block: &wrongPayload}}), "payload does not match"},
		{"evidence of another block", message(types.Message{Proposal: &types.Proposal{BlockID: block.ID(), Block: &wrongEvidence}}), "evidence does not match"},
		{"another block than named", message(types.Message{Proposal: &types.Proposal{BlockID: hashOf("x"), Block: block}}), "not the one named"},
		{"kind", message(types.Message{Proposal: &types.Proposal{Kind: 4}}), "above 3"},
		{"bitmap too long", message(types.Message{QC: longBitmap}), "at most"},
		{"QC of both votes", message(types.Message{QC: both}), "both prepare and commit"},
		{"signature too long", message(types.Message{Prepare: &types.SignedPrepare{Signature: append(sig, 0)}}), "at most 64"},
		{"varint not shortest", qcMessage(0x08, 0x81, 0x00), "not the shortest varint"},
		{"default varint", qcMessage(0x08, 0x00), "default value"},
		{"empty hash", qcMessage(0x22, 0x00), "default value"},
		{"short hash", qcMessage(0x22, 0x01, 0x05), "not a hash"},
		{"zero hash", qcMessage(append([]byte{0x22, 0x20}, make([]byte, 32)...)...), "not a hash"},
		{"fields out of order", qcMessage(0x10, 0x01, 0x08, 0x01), "misplaced"},
		{"field twice", qcMessage(0x08, 0x01, 0x08, 0x01), "repeated"},
		{"length not shortest", qcMessage(0x22, 0x81, 0x00, 0x05), "not the shortest length"},
		{"length beyond the end", qcMessage(0x22, 0x20, 0x05), "cut short"},
		{"long tag", append([]byte{0xaa, 0x00}, 0x00), "no known message"},
		{"CC without outcome", putMessage(nil, 6, func(b []byte) []byte { return b }), "outcome is missing"},
	} {
		_, err := DecodeMessage(c.b)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"no header", nil, "header is missing"},
		{"too many transactions", append(bytes.Clone(header), bytes.Repeat(tx, types.MaxTransactions+1)...), "more than 65536"},
		{"too much evidence", append(bytes.Clone(header), bytes.Repeat(evidence, types.MaxEvidence+1)...), "more than 64"},
		{"too many bytes", append(big, make([]byte, 1<<20)...), "above every limit"},
		{"entry cut short", append(bytes.Clone(header), 0x12, 0x05, 0x00), "cut short"},
	} {
		_, err := DecodeBlock(c.b)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	two := EncodeSafetyState(&types.SafetyState{EntryQC: sampleQC(5), EntryTC: sampleTC()})
	if _, err := DecodeSafetyState(two); err == nil {
		t.Error("a safety state with two entries was accepted")
	}
	for name, decode := range map[string]func([]byte) error{
		"QC":             func(b []byte) error { _, err := DecodeQC(b); return err },
		"CC":             func(b []byte) error { _, err := DecodeCC(b); return err },
		"TC":             func(b []byte) error { _, err := DecodeTC(b); return err },
		"epoch":          func(b []byte) error { _, err := DecodeEpoch(b); return err },
		"epoch start":    func(b []byte) error { _, err := DecodeEpochStart(b); return err },
		"header":         func(b []byte) error { _, err := DecodeHeader(b); return err },
		"outcome":        func(b []byte) error { _, err := DecodeOutcome(b); return err },
		"safety state":   func(b []byte) error { _, err := DecodeSafetyState(b); return err },
		"signed outcome": func(b []byte) error { _, err := DecodeSignedOutcome(b); return err },
	} {
		if err := decode([]byte{0xff}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	for _, m := range sampleMessages() {
		f.Add(EncodeMessage(&m))
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkCanonical(t, "fuzz", b) })
}

func FuzzDecodeSafetyState(f *testing.F) {
	f.Add(EncodeSafetyState(&types.SafetyState{Epoch: 2, VotedView: 3, Lock: *sampleQC(2), EntryTC: sampleTC()}))
	f.Add(EncodeSafetyState(&types.SafetyState{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSafetyState(b)
		if err == nil && !bytes.Equal(EncodeSafetyState(s), b) {
			t.Fatal("two encodings of one state")
		}
	})
}

func FuzzDecodeBlock(f *testing.F) {
	f.Add(EncodeBlock(sampleBlock()))
	f.Fuzz(func(t *testing.T, b []byte) {
		block, err := DecodeBlock(b)
		if err == nil && !bytes.Equal(EncodeBlock(block), b) {
			t.Fatal("two encodings of one block")
		}
	})
}
