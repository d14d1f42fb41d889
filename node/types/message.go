package types

// Message is one consensus message: exactly one field is set. On the wire it is
// what wire.EncodeMessage makes of it.
type Message struct {
	Proposal   *Proposal
	Prepare    *SignedPrepare
	Commit     *SignedCommit
	Timeout    *SignedTimeout
	QC         *QC
	CC         *CC
	TC         *TC
	EpochStart *EpochStart
}

// Epoch is the epoch that the message belongs to (an EpochStart's: the one that
// it starts); 0 if none of the fields is set.
func (m *Message) Epoch() uint64 {
	switch {
	case m.Proposal != nil:
		return m.Proposal.Epoch
	case m.Prepare != nil:
		return m.Prepare.Epoch
	case m.Commit != nil:
		return m.Commit.Epoch
	case m.Timeout != nil:
		return m.Timeout.Epoch
	case m.QC != nil:
		return m.QC.Epoch
	case m.CC != nil:
		return m.CC.Epoch
	case m.TC != nil:
		return m.TC.Epoch
	case m.EpochStart != nil:
		return m.EpochStart.Epoch.Number
	}
	return 0
}

// View is the message's view; 0 for an EpochStart.
func (m *Message) View() uint64 {
	switch {
	case m.Proposal != nil:
		return m.Proposal.View
	case m.Prepare != nil:
		return m.Prepare.Vote.View
	case m.Commit != nil:
		return m.Commit.Vote.View
	case m.Timeout != nil:
		return m.Timeout.Vote.View
	case m.QC != nil:
		return m.QC.View
	case m.CC != nil:
		return m.CC.View
	case m.TC != nil:
		return m.TC.View
	}
	return 0
}
