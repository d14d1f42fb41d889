package types

// EvidenceKind is what a piece of evidence proves.
type EvidenceKind uint8

// Kinds of evidence (docs/encodings.md, Evidence).
const (
	EvidenceProposals EvidenceKind = 1 // two proposals of one class and view
	EvidencePrepares  EvidenceKind = 2 // two prepare votes of one view
	EvidenceCommits   EvidenceKind = 3 // two commit votes of one view
	EvidenceAmnesia   EvidenceKind = 4 // a commit vote of v, and a timeout of a view >= v that reports a view below v
)

// EvidenceMessage is one of the two signed messages: exactly one field is set.
type EvidenceMessage struct {
	Proposal *ProposalID
	Prepare  *Prepare
	Commit   *Commit
	Timeout  *Timeout

	Signature []byte
}

// Evidence proves that one validator broke a rule in one epoch.
type Evidence struct {
	Kind      EvidenceKind
	Epoch     uint64
	Validator uint32
	First     EvidenceMessage // the pair is ordered by its bytes; amnesia: the commit vote
	Second    EvidenceMessage
}
