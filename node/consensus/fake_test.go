package consensus

import (
	"crypto/sha256"
	"errors"

	"github.com/bedrock-bft/bedrock/node/types"
)

// fakeScheme stands for ed25519 in tests that need many signatures: a signature is
// a hash of key and message. Anybody can make one; the tests' adversaries make
// their own only.
type fakeScheme struct{}

func fakeSign(key, msg []byte) []byte {
	h := sha256.Sum256(append(append([]byte(nil), key...), msg...))
	return h[:]
}

func (fakeScheme) ID() types.SchemeID                           { return types.SchemeEd25519 }
func (fakeScheme) Name() string                                 { return "fake" }
func (fakeScheme) CheckKey([]byte, []byte) error                { return nil }
func (fakeScheme) PrivateKey([]byte) (types.PrivateKey, error)  { return nil, errors.New("no keys") }
func (fakeScheme) Keyring(keys [][]byte) (types.Keyring, error) { return fakeRing(keys), nil }

func (fakeScheme) Aggregate(sigs [][]byte) ([]byte, error) {
	var out []byte
	for _, s := range sigs {
		if len(s) != 32 {
			return nil, errors.New("a signature of another length")
		}
		out = append(out, s...)
	}
	return out, nil
}

type fakeRing [][]byte

// Verify accepts two signatures of a message, as Ed25519 has many.
func (r fakeRing) Verify(i int, msg, sig []byte) bool {
	want := fakeSign(r[i], msg)
	return string(want) == string(sig) || string(other(want)) == string(sig)
}

// other is the second valid signature of the same message.
func other(sig []byte) []byte {
	h := sha256.Sum256(sig)
	return h[:]
}

// change gives a vote the signature that make makes of its own.
func change(m types.Message, make func([]byte) []byte) {
	switch {
	case m.Prepare != nil:
		m.Prepare.Signature = make(m.Prepare.Signature)
	case m.Commit != nil:
		m.Commit.Signature = make(m.Commit.Signature)
	case m.Timeout != nil:
		m.Timeout.Signature = make(m.Timeout.Signature)
	}
}

func (r fakeRing) VerifySame(signers []int, msg []byte, sigs [][]byte) bool {
	for k, i := range signers {
		if !r.Verify(i, msg, sigs[k]) {
			return false
		}
	}
	return len(signers) == len(sigs)
}

func (r fakeRing) VerifyAggregate(signers []int, msg, agg []byte) bool {
	if len(agg) != 32*len(signers) {
		return false
	}
	for k, i := range signers {
		if !r.Verify(i, msg, agg[32*k:32*k+32]) {
			return false
		}
	}
	return true
}

var fakeGenesis = types.SumHash([]byte("genesis"))

func fakeKey(i int) []byte {
	h := types.SumHash([]byte{'c', byte(i)})
	return h[:]
}

func fakePeer(i int) Peer { return Peer(types.SumHash([]byte{'n', byte(i)})) }

// fakeEpoch has the validators of those numbers, with powers (1 where none is given).
func fakeEpoch(number uint64, members []int, powers map[int]uint64) types.Epoch {
	e := types.Epoch{Number: number, Scheme: types.SchemeEd25519, ExecutorHash: types.SumHash([]byte("executor")),
		Engine: 1, MaxBytes: 1 << 20, MaxGas: 1 << 30}
	for _, i := range members {
		p := powers[i]
		if p == 0 {
			p = 1
		}
		e.Validators = append(e.Validators, types.Validator{ConsensusKey: fakeKey(i), NetworkKey: fakePeer(i), Power: p})
	}
	return e
}

func fakeRoot(e types.Epoch) Final {
	return Final{TimestampMs: 1000, Outcome: types.Outcome{Block: fakeGenesis, StateRoot: types.SumHash([]byte("state")),
		ReceiptsRoot: types.ListRoot(nil), NextEpoch: e.Digest(), FailedRun: types.NoFailedRun}}
}

// signMessage fills in validator i's signature.
func signMessage(m types.Message, key []byte) types.Message {
	d := types.Domain{Genesis: fakeGenesis, Epoch: m.Epoch()}
	switch {
	case m.Proposal != nil:
		p := *m.Proposal
		p.Signature = fakeSign(key, types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}.SignBytes(d))
		return types.Message{Proposal: &p}
	case m.Prepare != nil:
		p := *m.Prepare
		p.Signature = fakeSign(key, p.Vote.SignBytes(d))
		return types.Message{Prepare: &p}
	case m.Commit != nil:
		p := *m.Commit
		p.Signature = fakeSign(key, p.Vote.SignBytes(d))
		return types.Message{Commit: &p}
	case m.Timeout != nil:
		p := *m.Timeout
		p.Signature = fakeSign(key, p.Vote.SignBytes(d))
		return types.Message{Timeout: &p}
	}
	return m
}
