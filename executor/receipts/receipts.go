package receipts

import (
	"encoding/binary"
	"fmt"

	"github.com/bedrock-bft/bedrock/client/proof/rfc6962"
)

// EncodedLen is the length of a receipt's hashed form in bytes.
const EncodedLen = 32 + 4 + 8 + 32

// CodeMigrating is the code of every state machine for a transaction that waits
// until a migration has ended: a block skips it. // rule: migration
const CodeMigrating = 5

// Hash is a SHA-256 digest.
type Hash = [32]byte

// NoneRoot is the root over no receipts, and over no events.
var NoneRoot = rfc6962.Root(nil)

// Attribute is one key and value of an event.
type Attribute struct {
	Key   string
	Value []byte
}

// Event is what a transaction tells the world.
type Event struct {
	Type       string
	Attributes []Attribute
}

// Receipt is what became of one transaction.
type Receipt struct {
	TxHash     Hash
	Code       uint32 // 0: success
	GasUsed    uint64
	EventsRoot Hash
	Events     []Event
	Log        string // in no hash
}

// Append appends the event's hashed form.
func (e Event) Append(dst []byte) []byte {
	dst = appendVar(dst, e.Type)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.Attributes)))
	for _, attribute := range e.Attributes {
		dst = appendVar(dst, attribute.Key)
		dst = appendVar(dst, attribute.Value)
	}
	return dst
}

func appendVar[T string | []byte](dst []byte, value T) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// Append appends the receipt's hashed form.
func (r *Receipt) Append(dst []byte) []byte {
	dst = append(dst, r.TxHash[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, r.Code)
	dst = binary.LittleEndian.AppendUint64(dst, r.GasUsed)
	return append(dst, r.EventsRoot[:]...)
}

// EventsRoot is the root over a transaction's events.
func EventsRoot(events []Event) Hash {
	if len(events) == 0 {
		return NoneRoot
	}
	return rfc6962.RootOf(eventHashes(events))
}

// Root is the root over a block's receipts.
func Root(list []Receipt) Hash {
	if len(list) == 0 {
		return NoneRoot
	}
	return rfc6962.RootOf(receiptHashes(list))
}

// Prove makes the proof that list[index] is in the block; its leaf is that
// receipt's Append.
func Prove(list []Receipt, index int) (rfc6962.Proof, error) {
	proof, err := rfc6962.ProveOf(receiptHashes(list), index)
	if err != nil {
		return proof, fmt.Errorf("prove receipt: %w", err)
	}
	return proof, nil
}

// ProveEvent makes the proof that events[index] is the transaction's; its leaf
// is that event's Append.
func ProveEvent(events []Event, index int) (rfc6962.Proof, error) {
	proof, err := rfc6962.ProveOf(eventHashes(events), index)
	if err != nil {
		return proof, fmt.Errorf("prove event: %w", err)
	}
	return proof, nil
}

func receiptHashes(list []Receipt) []Hash {
	hashes := make([]Hash, len(list))
	var leaf [EncodedLen]byte
	for i := range list {
		hashes[i] = rfc6962.LeafHash(list[i].Append(leaf[:0]))
	}
	return hashes
}

func eventHashes(events []Event) []Hash {
	hashes := make([]Hash, len(events))
	var leaf []byte
	for i := range events {
		leaf = events[i].Append(leaf[:0])
		hashes[i] = rfc6962.LeafHash(leaf)
	}
	return hashes
}
