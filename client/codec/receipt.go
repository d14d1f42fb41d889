package codec

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/client/proof/rfc6962"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// ReceiptTo is the message of a receipt's hashed part.
func ReceiptTo(r *receipts.Receipt) *nodev1.Receipt {
	return &nodev1.Receipt{TxHash: r.TxHash[:], Code: r.Code, GasUsed: r.GasUsed, EventsRoot: r.EventsRoot[:]}
}

// ReceiptFrom reads a receipt's hashed part.
func ReceiptFrom(m *nodev1.Receipt) (receipts.Receipt, error) {
	var r receipts.Receipt
	if m == nil {
		return r, fmt.Errorf("receipt is missing")
	}
	tx, err := hashFrom("receipt's tx_hash", m.TxHash)
	if err != nil {
		return r, err
	}
	root, err := hashFrom("receipt's events_root", m.EventsRoot)
	if err != nil {
		return r, err
	}
	return receipts.Receipt{TxHash: tx, Code: m.Code, GasUsed: m.GasUsed, EventsRoot: root}, nil
}

// TransactionReceiptTo is the message of a receipt with its events and log.
func TransactionReceiptTo(r *receipts.Receipt) *nodev1.TransactionReceipt {
	return &nodev1.TransactionReceipt{Receipt: ReceiptTo(r), Log: r.Log, Events: EventsTo(r.Events)}
}

// EventTo is the message of an event.
func EventTo(e *receipts.Event) *nodev1.Event {
	m := &nodev1.Event{Type: e.Type, Attributes: make([]*nodev1.EventAttribute, len(e.Attributes))}
	for i := range e.Attributes {
		m.Attributes[i] = &nodev1.EventAttribute{Key: e.Attributes[i].Key, Value: e.Attributes[i].Value}
	}
	return m
}

// EventsTo are the messages of events.
func EventsTo(list []receipts.Event) []*nodev1.Event {
	out := make([]*nodev1.Event, len(list))
	for i := range list {
		out[i] = EventTo(&list[i])
	}
	return out
}

// EventFrom reads an event.
func EventFrom(m *nodev1.Event) (receipts.Event, error) {
	var e receipts.Event
	if m == nil {
		return e, fmt.Errorf("event is missing")
	}
	e.Type = m.Type
	for _, a := range m.Attributes {
		e.Attributes = append(e.Attributes, receipts.Attribute{Key: a.Key, Value: a.Value})
	}
	return e, nil
}

// InclusionTo is the message of a leaf's way to the root.
func InclusionTo(p rfc6962.Proof) *nodev1.Inclusion {
	m := &nodev1.Inclusion{}
	for i, last := p.Index, p.Count-1; last > 0 && len(m.Path) < len(p.Path); i, last = i/2, last/2 {
		n := len(m.Path)
		switch {
		case i%2 == 1:
			m.Left |= 1 << n
		case i == last: // an odd one out rises as it is
			continue
		}
		m.Path = append(m.Path, p.Path[n][:])
	}
	return m
}

// RootOver is the root that a leaf leads to.
func RootOver(m *nodev1.Inclusion, leaf []byte) (types.Hash, error) {
	if m == nil {
		return types.Hash{}, fmt.Errorf("proof of inclusion is missing")
	}
	n := len(m.Path)
	if n >= rfc6962.MaxPath || m.Left>>n != 0 {
		return types.Hash{}, fmt.Errorf("proof of inclusion with %d hashes and directions %x", n, m.Left)
	}
	hash := rfc6962.LeafHash(leaf)
	for i, b := range m.Path {
		sibling, err := hashFrom(fmt.Sprintf("hash %d of a proof of inclusion", i), b)
		if err != nil {
			return types.Hash{}, err
		}
		if m.Left>>i&1 == 1 {
			hash = rfc6962.NodeHash(sibling, hash)
		} else {
			hash = rfc6962.NodeHash(hash, sibling)
		}
	}
	return hash, nil
}
