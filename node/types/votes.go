package types

// Kind is the kind of a signed message (docs/encodings.md, Signatures).
type Kind uint8

// Kinds of signed messages.
const (
	KindProposeOptimistic Kind = 1
	KindProposeNormal     Kind = 2
	KindProposeFallback   Kind = 3
	KindPrepare           Kind = 4
	KindCommit            Kind = 5
	KindTimeout           Kind = 6
)

// Domain separates the signatures of chains and epochs.
type Domain struct {
	Genesis Hash
	Epoch   uint64
}

func (d Domain) signBytes(kind Kind) []byte {
	b := make([]byte, 0, 160)
	b = appendTag(b, "bedrock/sign/1")
	b = append(b, d.Genesis[:]...)
	b = appendU64(b, d.Epoch)
	return append(b, byte(kind))
}

// Signable is a message that a validator signs.
type Signable interface {
	// SignBytes is what the signature covers.
	SignBytes(d Domain) []byte
	// SignedKind is the message's kind.
	SignedKind() Kind
}

// ProposalID is the signed part of a proposal.
type ProposalID struct {
	Kind  Kind // one of the three proposal kinds
	View  uint64
	Block Hash
}

// SignBytes implements Signable.
func (p ProposalID) SignBytes(d Domain) []byte {
	b := appendU64(d.signBytes(p.Kind), p.View)
	return append(b, p.Block[:]...)
}

// SignedKind implements Signable.
func (p ProposalID) SignedKind() Kind { return p.Kind }

// Prepare is a prepare vote.
type Prepare struct {
	View   uint64
	Height uint64
	Block  Hash
}

// SignBytes implements Signable.
func (p Prepare) SignBytes(d Domain) []byte {
	b := appendU64(d.signBytes(KindPrepare), p.View)
	b = appendU64(b, p.Height)
	return append(b, p.Block[:]...)
}

// SignedKind implements Signable.
func (p Prepare) SignedKind() Kind { return KindPrepare }

// Commit is a commit vote.
type Commit struct {
	View    uint64
	Height  uint64
	Block   Hash
	Outcome Hash
}

// SignBytes implements Signable.
func (c Commit) SignBytes(d Domain) []byte {
	b := appendU64(d.signBytes(KindCommit), c.View)
	b = appendU64(b, c.Height)
	b = append(b, c.Block[:]...)
	return append(b, c.Outcome[:]...)
}

// SignedKind implements Signable.
func (c Commit) SignedKind() Kind { return KindCommit }

// Timeout says that its signer left View, with the view of its lock.
type Timeout struct {
	View     uint64
	HighView uint64 // < View
}

// SignBytes implements Signable.
func (t Timeout) SignBytes(d Domain) []byte {
	return appendU64(appendU64(d.signBytes(KindTimeout), t.View), t.HighView)
}

// SignedKind implements Signable.
func (t Timeout) SignedKind() Kind { return KindTimeout }
