package types

import "github.com/bedrock-bft/bedrock/client/proof/rfc6962"

// Header is the part of a block that its id covers.
type Header struct {
	Genesis      Hash
	Epoch        uint64
	View         uint64
	Height       uint64
	Parent       Hash
	Proposer     uint32 // index in the epoch's validator set
	TimestampMs  uint64
	PayloadRoot  Hash
	EvidenceRoot Hash
}

// Encode is the header's fixed layout.
func (h *Header) Encode() []byte {
	b := make([]byte, 0, 256)
	b = appendTag(b, "bedrock/header/1")
	b = append(b, h.Genesis[:]...)
	b = appendU64(b, h.Epoch)
	b = appendU64(b, h.View)
	b = appendU64(b, h.Height)
	b = append(b, h.Parent[:]...)
	b = appendU32(b, h.Proposer)
	b = appendU64(b, h.TimestampMs)
	b = append(b, h.PayloadRoot[:]...)
	return append(b, h.EvidenceRoot[:]...)
}

// ID is the block's id.
func (h *Header) ID() Hash { return SumHash(h.Encode()) }

// Block is a header with what its roots cover. Evidence is kept encoded
// (Evidence.Encode), as the executor gets it.
type Block struct {
	Header   Header
	Payload  [][]byte // opaque transactions
	Evidence [][]byte

	id Hash // cached by ID
}

// ID is the header's hash, computed once. Not safe for concurrent first use.
func (b *Block) ID() Hash {
	if b.id.IsZero() {
		b.id = b.Header.ID()
	}
	return b.id
}

// PayloadBytes is the sum of the transactions' sizes.
func (b *Block) PayloadBytes() int {
	n := 0
	for _, tx := range b.Payload {
		n += len(tx)
	}
	return n
}

// Empty reports whether the block carries neither transactions nor evidence.
func (b *Block) Empty() bool { return len(b.Payload) == 0 && len(b.Evidence) == 0 }

// ListRoot is the RFC 6962 root of a list of byte strings.
func ListRoot(items [][]byte) Hash { return Hash(rfc6962.Root(items)) }

// TxHash is the hash of a whole transaction, signatures included.
func TxHash(tx []byte) Hash { return SumHash(tx) }

// Outcome is what executing a block gave: the thing that commit votes certify.
type Outcome struct {
	Height       uint64
	Block        Hash
	StateRoot    Hash
	ReceiptsRoot Hash
	// NextEpoch is the digest of the next epoch's parameters; zero while the
	// epoch goes on.
	NextEpoch Hash
	FailedRun uint16
	Parent    Hash // hash of the parent's outcome
}

// NoFailedRun is the failed run of an epoch that is past its first good block.
const NoFailedRun = 65535

// Encode is the outcome's fixed layout.
func (o *Outcome) Encode() []byte {
	b := make([]byte, 0, 200)
	b = appendTag(b, "bedrock/outcome/1")
	b = appendU64(b, o.Height)
	b = append(b, o.Block[:]...)
	b = append(b, o.StateRoot[:]...)
	b = append(b, o.ReceiptsRoot[:]...)
	b = append(b, o.NextEpoch[:]...)
	b = appendU16(b, o.FailedRun)
	return append(b, o.Parent[:]...)
}

// Hash is the outcome's hash, which a commit vote names.
func (o *Outcome) Hash() Hash { return SumHash(o.Encode()) }

// EndsEpoch reports whether the outcome names a next epoch.
func (o *Outcome) EndsEpoch() bool { return !o.NextEpoch.IsZero() }
