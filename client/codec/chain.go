package codec

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func hashFrom(what string, b []byte) (types.Hash, error) {
	h, err := types.HashFromBytes(b)
	if err != nil {
		return h, fmt.Errorf("%s: %w", what, err)
	}
	return h, nil
}

func hashes(fields ...hashField) error {
	for _, f := range fields {
		h, err := hashFrom(f.name, f.from)
		if err != nil {
			return err
		}
		*f.to = h
	}
	return nil
}

type hashField struct {
	name string
	from []byte
	to   *types.Hash
}

// HeaderTo is the message of a header.
func HeaderTo(h *types.Header) *nodev1.Header {
	return &nodev1.Header{
		GenesisHash:  h.Genesis[:],
		Epoch:        h.Epoch,
		View:         h.View,
		Height:       h.Height,
		ParentId:     h.Parent[:],
		Proposer:     h.Proposer,
		TimestampMs:  h.TimestampMs,
		PayloadRoot:  h.PayloadRoot[:],
		EvidenceRoot: h.EvidenceRoot[:],
	}
}

// HeaderFrom reads a header.
func HeaderFrom(m *nodev1.Header) (types.Header, error) {
	var h types.Header
	if m == nil {
		return h, fmt.Errorf("header is missing")
	}
	h.Epoch, h.View, h.Height = m.Epoch, m.View, m.Height
	h.Proposer, h.TimestampMs = m.Proposer, m.TimestampMs
	err := hashes(
		hashField{"header's genesis_hash", m.GenesisHash, &h.Genesis},
		hashField{"header's parent_id", m.ParentId, &h.Parent},
		hashField{"header's payload_root", m.PayloadRoot, &h.PayloadRoot},
		hashField{"header's evidence_root", m.EvidenceRoot, &h.EvidenceRoot},
	)
	return h, err
}

// OutcomeTo is the message of an outcome.
func OutcomeTo(o *types.Outcome) *nodev1.Outcome {
	m := &nodev1.Outcome{
		Height:       o.Height,
		BlockId:      o.Block[:],
		StateRoot:    o.StateRoot[:],
		ReceiptsRoot: o.ReceiptsRoot[:],
		FailedRun:    uint32(o.FailedRun),
		Parent:       o.Parent[:],
	}
	if o.EndsEpoch() {
		m.NextEpoch = o.NextEpoch[:]
	}
	return m
}

// OutcomeFrom reads an outcome.
func OutcomeFrom(m *nodev1.Outcome) (types.Outcome, error) {
	var o types.Outcome
	if m == nil {
		return o, fmt.Errorf("outcome is missing")
	}
	if m.FailedRun > types.NoFailedRun {
		return o, fmt.Errorf("outcome's failed_run %d, at most %d", m.FailedRun, types.NoFailedRun)
	}
	o.Height, o.FailedRun = m.Height, uint16(m.FailedRun)
	if len(m.NextEpoch) > 0 {
		next, err := hashFrom("outcome's next_epoch", m.NextEpoch)
		if err != nil {
			return o, err
		}
		if next.IsZero() {
			return o, fmt.Errorf("outcome's next_epoch is zero: it is left out then")
		}
		o.NextEpoch = next
	}
	err := hashes(
		hashField{"outcome's block_id", m.BlockId, &o.Block},
		hashField{"outcome's state_root", m.StateRoot, &o.StateRoot},
		hashField{"outcome's receipts_root", m.ReceiptsRoot, &o.ReceiptsRoot},
		hashField{"outcome's parent", m.Parent, &o.Parent},
	)
	return o, err
}

// CommitTo is the message of a commit certificate.
func CommitTo(c *types.CC) *nodev1.CommitCertificate {
	return &nodev1.CommitCertificate{
		Epoch:   c.Epoch,
		View:    c.View,
		Height:  c.Height,
		BlockId: c.Block[:],
		Outcome: OutcomeTo(&c.Outcome),
		Commits: &nodev1.Signatures{Signers: c.Commits.Signers, Signature: c.Commits.Signature},
	}
}

// CommitFrom reads a commit certificate.
func CommitFrom(m *nodev1.CommitCertificate) (*types.CC, error) {
	if m == nil || m.Commits == nil {
		return nil, fmt.Errorf("commit certificate is missing")
	}
	const most = types.MaxValidatorsEd25519 * types.MaxSignature
	if len(m.Commits.Signers) > types.MaxValidators/8 || len(m.Commits.Signature) > most {
		return nil, fmt.Errorf("commit certificate of %d and %d bytes, at most %d and %d",
			len(m.Commits.Signers), len(m.Commits.Signature), types.MaxValidators/8, most)
	}
	block, err := hashFrom("certificate's block_id", m.BlockId)
	if err != nil {
		return nil, err
	}
	outcome, err := OutcomeFrom(m.Outcome)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &types.CC{
		Epoch: m.Epoch, View: m.View, Height: m.Height, Block: block, Outcome: outcome,
		Commits: types.Aggregate{Signers: m.Commits.Signers, Signature: m.Commits.Signature},
	}, nil
}

// EpochTo is the message of an epoch. Proofs of possession are not part of it.
func EpochTo(e *types.Epoch) *nodev1.Epoch {
	m := &nodev1.Epoch{
		Number:        e.Number,
		Scheme:        nodev1.Scheme(e.Scheme),
		ExecutorHash:  e.ExecutorHash[:],
		Engine:        e.Engine,
		MaxBlockBytes: e.MaxBytes,
		MaxBlockGas:   e.MaxGas,
		Validators:    make([]*nodev1.Validator, len(e.Validators)),
	}
	for i := range e.Validators {
		m.Validators[i] = ValidatorTo(&e.Validators[i])
	}
	return m
}

// ValidatorTo is the message of a validator.
func ValidatorTo(v *types.Validator) *nodev1.Validator {
	return &nodev1.Validator{ConsensusKey: v.ConsensusKey, NetworkKey: v.NetworkKey[:], Power: v.Power}
}

// EpochFrom reads an epoch.
func EpochFrom(m *nodev1.Epoch) (types.Epoch, error) {
	var e types.Epoch
	if m == nil {
		return e, fmt.Errorf("epoch is missing")
	}
	if m.Scheme < 0 || m.Scheme > 255 || len(m.Validators) > types.MaxValidators {
		return e, fmt.Errorf("epoch %d: scheme %d with %d validators, at most %d", m.Number, m.Scheme, len(m.Validators), types.MaxValidators)
	}
	executor, err := hashFrom("epoch's executor_hash", m.ExecutorHash)
	if err != nil {
		return e, err
	}
	e = types.Epoch{
		Number: m.Number, Scheme: types.SchemeID(m.Scheme), ExecutorHash: executor, Engine: m.Engine,
		MaxBytes: m.MaxBlockBytes, MaxGas: m.MaxBlockGas, Validators: make([]types.Validator, len(m.Validators)),
	}
	for i, v := range m.Validators {
		if len(v.ConsensusKey) > types.MaxConsensusKey || len(v.NetworkKey) != 32 {
			return e, fmt.Errorf("epoch %d: validator %d has keys of %d and %d bytes", m.Number, i, len(v.ConsensusKey), len(v.NetworkKey))
		}
		e.Validators[i] = types.Validator{ConsensusKey: v.ConsensusKey, NetworkKey: [32]byte(v.NetworkKey), Power: v.Power}
	}
	return e, nil
}

// EpochStartTo is the message of an epoch with its certificate.
func EpochStartTo(s *types.EpochStart) *nodev1.EpochStart {
	m := &nodev1.EpochStart{Epoch: EpochTo(&s.Epoch)}
	if s.Certificate != nil {
		m.Certificate = CommitTo(s.Certificate)
	}
	return m
}

// EpochStartFrom reads an epoch with its certificate; epoch 1 has none.
func EpochStartFrom(m *nodev1.EpochStart) (*types.EpochStart, error) {
	if m == nil {
		return nil, fmt.Errorf("epoch is missing")
	}
	epoch, err := EpochFrom(m.Epoch)
	if err != nil {
		return nil, err
	}
	s := &types.EpochStart{Epoch: epoch}
	if m.Certificate != nil {
		if s.Certificate, err = CommitFrom(m.Certificate); err != nil {
			return nil, fmt.Errorf("epoch %d: %w", epoch.Number, err)
		}
	}
	return s, nil
}

// OutcomesTo are the messages of outcomes.
func OutcomesTo(list []types.Outcome) []*nodev1.Outcome {
	out := make([]*nodev1.Outcome, len(list))
	for i := range list {
		out[i] = OutcomeTo(&list[i])
	}
	return out
}

// OutcomesFrom reads outcomes.
func OutcomesFrom(list []*nodev1.Outcome) ([]types.Outcome, error) {
	out := make([]types.Outcome, len(list))
	for i, m := range list {
		o, err := OutcomeFrom(m)
		if err != nil {
			return nil, fmt.Errorf("outcome %d: %w", i, err)
		}
		out[i] = o
	}
	return out, nil
}
