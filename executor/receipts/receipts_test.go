package receipts

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/proof/rfc6962"
)

func TestLayout(t *testing.T) {
	event := Event{Type: "transfer", Attributes: []Attribute{{Key: "to", Value: []byte{1, 2}}, {Key: "", Value: nil}}}
	wantEvent := "08000000" + hex.EncodeToString([]byte("transfer")) + "02000000" +
		"02000000" + hex.EncodeToString([]byte("to")) + "02000000" + "0102" + "00000000" + "00000000"
	if diff := cmp.Diff(wantEvent, hex.EncodeToString(event.Append(nil))); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	receipt := Receipt{TxHash: Hash{1}, Code: 0x01020304, GasUsed: 0x05060708090a0b0c, EventsRoot: Hash{31: 9}, Log: "not hashed"}
	wantReceipt := "01" + strings.Repeat("00", 31) + "04030201" + "0c0b0a0908070605" + strings.Repeat("00", 31) + "09"
	if diff := cmp.Diff(wantReceipt, hex.EncodeToString(receipt.Append(nil))); diff != "" {
		t.Errorf("receipt (-want +got):\n%s", diff)
	}
}

func testReceipts(n int) []Receipt {
	list := make([]Receipt, n)
	for i := range list {
		for j := range i % 4 {
			list[i].Events = append(list[i].Events, Event{Type: fmt.Sprint("type ", j), Attributes: []Attribute{{Key: "i", Value: []byte{byte(i)}}}})
		}
		list[i] = Receipt{TxHash: Hash{byte(i)}, Code: uint32(i), GasUsed: uint64(i), Events: list[i].Events, EventsRoot: EventsRoot(list[i].Events)}
	}
	return list
}

func TestRoots(t *testing.T) {
	const none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := hex.EncodeToString(NoneRoot[:]); got != none {
		t.Errorf("root of none: got %s, want %s", got, none)
	}
	if Root(nil) != NoneRoot || EventsRoot(nil) != NoneRoot {
		t.Error("roots of empty lists differ from the root of none")
	}
	list := testReceipts(7)
	leaves := make([][]byte, len(list))
	for i := range list {
		leaves[i] = list[i].Append(nil)
	}
	if Root(list) != rfc6962.Root(leaves) {
		t.Error("root of receipts differs from the root over their encodings")
	}
}

func TestProof(t *testing.T) {
	list := testReceipts(9)
	root := Root(list)
	for i := range list {
		proof, err := Prove(list, i)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Verify(root, list[i].Append(nil)); err != nil {
			t.Errorf("receipt %d: %v", i, err)
		}
		changed := list[i]
		changed.GasUsed++
		if err := proof.Verify(root, changed.Append(nil)); err == nil {
			t.Errorf("receipt %d with other gas: accepted", i)
		}
		for j := range list[i].Events {
			proof, err := ProveEvent(list[i].Events, j)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.Verify(list[i].EventsRoot, list[i].Events[j].Append(nil)); err != nil {
				t.Errorf("event %d of receipt %d: %v", j, i, err)
			}
		}
	}
	if _, err := Prove(list, 9); err == nil {
		t.Error("proof of a receipt that is not there: no error")
	}
	if _, err := ProveEvent(nil, 0); err == nil {
		t.Error("proof of an event that is not there: no error")
	}
}
