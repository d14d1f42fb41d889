package executor

import "github.com/bedrock-bft/bedrock/executor/state"

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
