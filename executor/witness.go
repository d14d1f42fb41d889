package executor

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// WitnessFormat is what the format field of a witness says.
const WitnessFormat = "bedrock/witness/1"

// Witness records what one execution saw of the state: with the request, the
// block becomes executable anywhere. Each row and page is there once, in the
// order in which it was first read.
type Witness struct {
	// Request is the encoded ExecutionRequest.
	Request []byte
	Values  []WitnessValue
	Pages   []WitnessPage

	values map[state.Address]bool
	pages  map[state.PageID]bool
}

// WitnessValue is a row that was read, or its absence.
type WitnessValue struct {
	Address state.Address
	Row     state.Row
}

// WitnessPage is a page that was read; nil where there was none.
type WitnessPage struct {
	ID   state.PageID
	Page []byte
}

func (w *Witness) start(request []byte) {
	if w != nil {
		*w = Witness{Request: append([]byte{}, request...), values: make(map[state.Address]bool), pages: make(map[state.PageID]bool)}
	}
}

func (w *Witness) record(r *reading) {
	if w == nil {
		return
	}
	for i, address := range r.addresses {
		if !w.values[address] {
			w.values[address] = true
			w.Values = append(w.Values, WitnessValue{Address: address, Row: r.rows[i]})
		}
	}
	for i, id := range r.ids {
		if !w.pages[id] {
			w.pages[id] = true
			w.Pages = append(w.Pages, WitnessPage{ID: id, Page: r.pages[i]})
		}
	}
}

// Message is the content of a witness file: what was recorded, and the result
// of that execution.
func (w *Witness) Message(result *Result) (*executorv1.Witness, error) {
	request := new(executorv1.ExecutionRequest)
	if err := proto.Unmarshal(w.Request, request); err != nil {
		return nil, fmt.Errorf("decode the recorded request: %w", err)
	}
	message := &executorv1.Witness{Format: WitnessFormat, Request: request, Outcome: witnessOutcome(result)}
	for _, v := range w.Values {
		message.Rows = append(message.Rows, witnessRow(v.Address, v.Row.Present, v.Row.Key, v.Row.Value))
	}
	pages := slices.Clone(w.Pages)
	slices.SortFunc(pages, func(a, b WitnessPage) int { return a.ID.Compare(b.ID) })
	for _, p := range pages {
		message.Pages = append(message.Pages, witnessPage(p.ID, p.Page))
	}
	slices.SortFunc(message.Rows, func(a, b *executorv1.WitnessRow) int { return bytes.Compare(a.Address, b.Address) })
	return message, nil
}

func witnessOutcome(r *Result) *executorv1.WitnessOutcome {
	outcome := &executorv1.WitnessOutcome{Success: r.Success, StateRoot: r.StateRoot[:], ReceiptsRoot: r.ReceiptsRoot[:], GasUsed: r.GasUsed}
	for i := range r.Receipts {
		receipt := &r.Receipts[i]
		outcome.Receipts = append(outcome.Receipts, &executorv1.Receipt{
			TxHash: receipt.TxHash[:], Code: receipt.Code, GasUsed: receipt.GasUsed, EventCount: uint32(len(receipt.Events)), Log: receipt.Log,
		})
		for _, event := range receipt.Events {
			outcome.Events = append(outcome.Events, witnessEvent(i, event))
		}
	}
	written := r.Overlay.Written()
	for _, v := range written.Values {
		outcome.Rows = append(outcome.Rows, witnessRow(v.Address, !v.Tombstone, v.Key, v.Value))
	}
	for _, p := range written.Pages {
		outcome.Pages = append(outcome.Pages, witnessPage(state.PageID{Version: written.After.Height, Path: p.Path}, p.Page))
	}
	for _, id := range written.Stale {
		outcome.Pages = append(outcome.Pages, witnessPage(id, nil))
	}
	return outcome
}

func witnessRow(address state.Address, present bool, key, value []byte) *executorv1.WitnessRow {
	return &executorv1.WitnessRow{Address: address[:], Present: present, Key: key, Value: value}
}

func witnessPage(id state.PageID, page []byte) *executorv1.WitnessPage {
	return &executorv1.WitnessPage{Version: id.Version, Path: id.Path.Append(nil), Present: page != nil, Page: page}
}

func witnessEvent(transaction int, event receipts.Event) *executorv1.Event {
	message := &executorv1.Event{Transaction: uint32(transaction), Type: event.Type}
	for _, a := range event.Attributes {
		message.Attributes = append(message.Attributes, &executorv1.Attribute{Key: a.Key, Value: a.Value})
	}
	return message
}
