package types

import "fmt"

// Root is the block that an epoch starts from, its view 0: genesis, or the end of
// the epoch before.
type Root struct {
	Height uint64
	Block  Hash
}

// VerifyQC checks a certificate of a view above 0; one of view 0 is checked
// against the epoch's root, which whoever entered the epoch has verified.
func (s *ValidatorSet) VerifyQC(q *QC, root Root) error {
	switch {
	case q.Epoch != s.Epoch.Number:
		return fmt.Errorf("%w: QC of epoch %d, want %d", ErrCertificate, q.Epoch, s.Epoch.Number)
	case q.View == 0 && (q.Block != root.Block || q.Height != root.Height || q.Prepares != nil):
		return fmt.Errorf("%w: QC of view 0 does not name the epoch's root", ErrCertificate)
	case q.View == 0:
		return nil
	case q.Height <= root.Height:
		return fmt.Errorf("%w: QC of height %d at or below the root's %d", ErrCertificate, q.Height, root.Height)
	case q.Commit != nil && q.Prepares != nil:
		return fmt.Errorf("%w: QC of both prepare and commit votes", ErrCertificate)
	case q.Commit != nil:
		c := q.Commit
		if c.Epoch != q.Epoch || c.View != q.View || c.Height != q.Height || c.Block != q.Block {
			return fmt.Errorf("%w: QC names another block than its commit votes", ErrCertificate)
		}
		return s.VerifyCC(c)
	case q.Prepares == nil:
		return fmt.Errorf("%w: QC without votes", ErrCertificate)
	}
	m := Prepare{View: q.View, Height: q.Height, Block: q.Block}
	return s.verifyQuorum(q.Prepares, m, "QC")
}

// VerifyCC checks a commit certificate of this set.
func (s *ValidatorSet) VerifyCC(c *CC) error {
	o := &c.Outcome
	switch {
	case c.Epoch != s.Epoch.Number:
		return fmt.Errorf("%w: CC of epoch %d, want %d", ErrCertificate, c.Epoch, s.Epoch.Number)
	case c.View == 0:
		return fmt.Errorf("%w: CC of view 0", ErrCertificate)
	case o.Block == c.Block && o.Height != c.Height:
		return fmt.Errorf("%w: CC's outcome is of another height than its block", ErrCertificate)
	case o.Block != c.Block && (!o.EndsEpoch() || o.Height >= c.Height):
		return fmt.Errorf("%w: CC's outcome is neither its block's nor an epoch's end below it", ErrCertificate)
	}
	m := Commit{View: c.View, Height: c.Height, Block: c.Block, Outcome: o.Hash()}
	return s.verifyQuorum(&c.Commits, m, "CC")
}

// VerifyTC checks a timeout certificate of this set.
func (s *ValidatorSet) VerifyTC(t *TC, root Root) error {
	if t.Epoch != s.Epoch.Number || t.View == 0 || len(t.Groups) == 0 || len(t.Groups) > s.Len() {
		return fmt.Errorf("%w: TC of epoch %d and view %d with %d groups", ErrCertificate, t.Epoch, t.View, len(t.Groups))
	}
	last := t.Groups[len(t.Groups)-1].HighView
	if last >= t.View {
		return fmt.Errorf("%w: TC of view %d reports view %d", ErrCertificate, t.View, last)
	}
	if t.High.View != last {
		return fmt.Errorf("%w: TC reports view %d, its QC is of view %d", ErrCertificate, last, t.High.View)
	}
	var power uint64
	seen := make([]bool, s.Len())
	for i := range t.Groups {
		g := &t.Groups[i]
		if i > 0 && g.HighView <= t.Groups[i-1].HighView {
			return fmt.Errorf("%w: TC's groups do not rise", ErrCertificate)
		}
		signers, p, err := s.SignersOf(&g.Sigs)
		if err != nil {
			return err
		}
		for _, v := range signers {
			if seen[v] {
				return fmt.Errorf("%w: TC counts validator %d twice", ErrCertificate, v)
			}
			seen[v] = true
		}
		power += p
	}
	if !s.IsQuorum(power) {
		return fmt.Errorf("%w: TC with power %d of %d", ErrCertificate, power, s.total)
	}
	for i := range t.Groups {
		g := &t.Groups[i]
		signers, _, _ := s.SignersOf(&g.Sigs) // checked above
		m := Timeout{View: t.View, HighView: g.HighView}
		if len(signers) == 0 || !s.ring.VerifyAggregate(signers, m.SignBytes(s.domain), g.Sigs.Signature) {
			return fmt.Errorf("%w: TC's signatures for reported view %d", ErrCertificate, g.HighView)
		}
	}
	return s.VerifyQC(&t.High, root)
}

func (s *ValidatorSet) verifyQuorum(a *Aggregate, m Signable, what string) error {
	signers, power, err := s.SignersOf(a)
	if err != nil {
		return err
	}
	if !s.IsQuorum(power) {
		return fmt.Errorf("%w: %s with power %d of %d", ErrCertificate, what, power, s.total)
	}
	if !s.ring.VerifyAggregate(signers, m.SignBytes(s.domain), a.Signature) {
		return fmt.Errorf("%w: %s's signatures", ErrCertificate, what)
	}
	return nil
}

// VerifyEpochChain goes from epoch first, which is trusted (genesis names it), to
// the last epoch of starts: each is proven by a commit certificate of the one
// before. starts holds epochs first+1, first+2, ... It answers the last set, and
// the outcome that began it (nil without starts).
func VerifyEpochChain(genesis Hash, scheme Scheme, first Epoch, starts []EpochStart) (*ValidatorSet, *Outcome, error) {
	set, err := NewValidatorSet(genesis, first, scheme)
	if err != nil {
		return nil, nil, err
	}
	var outcome *Outcome
	for i := range starts {
		start := &starts[i]
		if outcome != nil && start.Certificate != nil && start.Certificate.Outcome.Height <= outcome.Height {
			return nil, nil, fmt.Errorf("%w: epoch %d does not end above its root", ErrCertificate, set.Epoch.Number)
		}
		if set, err = set.Next(start); err != nil {
			return nil, nil, fmt.Errorf("epoch %d: %w", start.Epoch.Number, err)
		}
		outcome = &start.Certificate.Outcome
	}
	return set, outcome, nil
}

// Next verifies the start of the epoch that follows this one.
func (s *ValidatorSet) Next(start *EpochStart) (*ValidatorSet, error) {
	switch {
	case start.Certificate == nil:
		return nil, fmt.Errorf("%w: no certificate", ErrCertificate)
	case start.Epoch.Number != s.Epoch.Number+1:
		return nil, fmt.Errorf("%w: epoch %d does not follow %d", ErrCertificate, start.Epoch.Number, s.Epoch.Number)
	case start.Epoch.Digest() != start.Certificate.Outcome.NextEpoch:
		return nil, fmt.Errorf("%w: the outcome names another epoch than the one given", ErrCertificate)
	}
	if err := s.VerifyCC(start.Certificate); err != nil {
		return nil, err
	}
	return NewValidatorSet(s.domain.Genesis, start.Epoch, s.scheme)
}

// VerifyOutcomeChain checks that outcomes are of consecutive heights, each naming
// the hash of the one before, and that the last is top: what a commit certificate
// holds. So one certificate proves a range.
func VerifyOutcomeChain(outcomes []Outcome, top *Outcome) error {
	if len(outcomes) == 0 {
		return fmt.Errorf("%w: no outcomes", ErrCertificate)
	}
	for i := 1; i < len(outcomes); i++ {
		if outcomes[i].Height != outcomes[i-1].Height+1 || outcomes[i].Parent != outcomes[i-1].Hash() {
			return fmt.Errorf("%w: outcome of height %d does not follow the one before", ErrCertificate, outcomes[i].Height)
		}
	}
	if outcomes[len(outcomes)-1] != *top {
		return fmt.Errorf("%w: outcome of height %d is not the certified one", ErrCertificate, outcomes[len(outcomes)-1].Height)
	}
	return nil
}
