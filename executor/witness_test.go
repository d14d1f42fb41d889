package executor

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
)

func TestWitnessRecordsReads(t *testing.T) {
	request := listOf(readValue(state.Address{1}), readValue(state.Address{2}), readValue(state.Address{1}), readPage(4, 0), readPage(3, 0))
	m := load(t, testEngine(t), watModule{requests: request, answer: response(t, nil), exports: map[string]string{
		"execute": calling("state_read", request) + calling("state_read", request) + "ANSWER",
	}})
	block := blockFor(m)
	block.Witness = new(Witness)
	if _, err := m.Execute(context.Background(), newChain(t).view, block); err != nil {
		t.Fatal(err)
	}
	if len(block.Witness.Request) == 0 {
		t.Error("no request recorded")
	}
	values := []WitnessValue{{Address: state.Address{1}, Row: state.Row{Present: true, Key: []byte("key"), Value: []byte("value")}}, {Address: state.Address{2}}}
	pages := []WitnessPage{{ID: state.PageID{Version: 4}, Page: []byte("root page")}, {ID: state.PageID{Version: 3}}}
	if diff := cmp.Diff(values, block.Witness.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(pages, block.Witness.Pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

// A witness holds all that its block needs: on a state of nothing else the block
// has the same outcome.
func TestWitnessIsComplete(t *testing.T) {
	l := newLedger(t, canonical(t, testEngine(t)), 20, 500)
	tip, _ := l.overlays.Committed()
	rng := rand.New(rand.NewPCG(1, 2))
	tip = l.add(t, l.execute(t, tip, l.transfers(rng, 50)))
	view := l.view(t, tip)
	defer view.Close()
	block := l.next(tip, view.Ref(), l.transfers(rng, 40))
	block.Witness = new(Witness)
	want, err := l.module.Execute(context.Background(), view, block)
	if err != nil {
		t.Fatal(err)
	}
	message, err := block.Witness.Message(want)
	if err != nil {
		t.Fatal(err)
	}
	if message.GetFormat() != WitnessFormat || len(message.GetRequest().GetTransactions()) != 40 || len(message.GetOutcome().GetRows()) == 0 {
		t.Errorf("message: got %v", message)
	}
	if file := os.Getenv("BEDROCK_WITNESS_FILE"); file != "" { // for the replay of other engines
		if err := os.WriteFile(file, encode(t, message), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ref := view.Ref()
	overlays := state.NewOverlays(stateOf(t, message, ref), tip, ref, nil)
	alone, err := overlays.View(tip)
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	block.Witness = nil
	got, err := l.module.Execute(context.Background(), alone, block)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hashed(want), hashed(got)); diff != "" {
		t.Errorf("from the witness (-want +got):\n%s", diff)
	}
}

// stateOf is a state of the witness' rows and pages and no other.
func stateOf(t *testing.T, message *executorv1.Witness, ref state.Ref) *memstate.State {
	t.Helper()
	base := memstate.New()
	for _, page := range message.GetPages() {
		path, _, err := state.ParsePath(page.GetPath())
		if err != nil || !page.GetPresent() {
			t.Fatalf("page %v: %v", page, err)
		}
		write := []state.PageWrite{{Path: path, Page: page.GetPage()}}
		if err := base.Apply(&state.WriteSet{After: state.Ref{Height: page.GetVersion()}, Pages: write}); err != nil {
			t.Fatal(err)
		}
	}
	set := &state.WriteSet{After: ref}
	for _, row := range message.GetRows() {
		if row.GetPresent() {
			set.Values = append(set.Values, state.ValueWrite{Address: state.Address(row.GetAddress()), Key: row.GetKey(), Value: row.GetValue()})
		}
	}
	if err := base.Apply(set); err != nil {
		t.Fatal(err)
	}
	return base
}
