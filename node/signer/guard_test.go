package signer

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

var (
	testGenesis = types.SumHash([]byte("genesis"))
	blockA      = types.SumHash([]byte("a"))
	blockB      = types.SumHash([]byte("b"))
	outcome     = types.SumHash([]byte("o"))
)

func prepare(view uint64, block types.Hash) types.Message {
	return types.Message{Prepare: &types.SignedPrepare{Epoch: 1, Vote: types.Prepare{View: view, Height: view, Block: block}}}
}

func commit(view uint64, o types.Hash) types.Message {
	return types.Message{Commit: &types.SignedCommit{Epoch: 1, Vote: types.Commit{View: view, Height: view, Block: blockA, Outcome: o}}}
}

func timeout(view, high uint64) types.Message {
	return types.Message{Timeout: &types.SignedTimeout{Epoch: 1, Vote: types.Timeout{View: view, HighView: high}}}
}

func proposal(kind types.Kind, view uint64, block types.Hash) types.Message {
	return types.Message{Proposal: &types.Proposal{Epoch: 1, Kind: kind, View: view, BlockID: block}}
}

func voted(view uint64, block types.Hash) types.SafetyState {
	return types.SafetyState{Epoch: 1, VotedView: view, VotedHeight: view, VotedBlock: block}
}

func committed(view uint64) types.SafetyState {
	return types.SafetyState{Epoch: 1, Commit: &commit(view, outcome).Commit.Vote, Lock: types.QC{View: view}}
}

func timedOut(view, lock uint64) types.SafetyState {
	return types.SafetyState{Epoch: 1, TimeoutView: view, Lock: types.QC{View: lock}}
}

// step is a recorded state, or a message that must be signed (want empty) or
// refused (want a part of the reason).
type step struct {
	record *types.SafetyState
	sign   types.Message
	want   string
}

func rec(s types.SafetyState) step { return step{record: &s} }
func ok(m types.Message) step      { return step{sign: m} }
func no(m types.Message, want string) step {
	return step{sign: m, want: want}
}

func TestGuard(t *testing.T) {
	both := committed(3)
	both.TimeoutView = 4
	for _, tc := range []struct {
		name  string
		start types.SafetyState
		steps []step
	}{
		{"nothing on record", types.SafetyState{}, []step{no(prepare(1, blockA), "records epoch 0")}},
		{"a prepare vote on record, again and again", types.SafetyState{}, []step{
			rec(voted(3, blockA)), ok(prepare(3, blockA)), ok(prepare(3, blockA))}},
		{"another block of that view", types.SafetyState{}, []step{
			rec(voted(3, blockA)), no(prepare(3, blockB), "another one"), no(prepare(4, blockA), "of view 3")}},
		{"a merged write holds the vote of a later view", types.SafetyState{}, []step{
			rec(voted(5, blockB)), ok(prepare(3, blockA)), no(prepare(3, blockB), "another message"), ok(prepare(5, blockB)), no(prepare(4, blockA), "view 4 after view 5")}},
		{"after a restart as it was", voted(5, blockA), []step{
			ok(prepare(5, blockA)), no(prepare(5, blockB), "another one"), no(prepare(4, blockA), "before this start")}},
		{"view 0", voted(0, types.Hash{}), []step{no(prepare(0, types.Hash{}), "view 0")}},
		{"a commit vote", types.SafetyState{}, []step{
			rec(committed(3)), ok(commit(3, outcome)), ok(commit(3, outcome)), no(commit(3, blockB), "another one"), no(commit(4, outcome), "of view 3")}},
		{"no commit vote above the lock", types.SafetyState{}, []step{
			rec(types.SafetyState{Epoch: 1, Commit: &commit(3, outcome).Commit.Vote, Lock: types.QC{View: 2}}), no(commit(3, outcome), "recorded lock is of view 2")}},
		{"a commit vote on record is sent again after a timeout", both, []step{
			ok(timeout(4, 3)), ok(commit(3, outcome))}},
		{"a commit vote on record is sent again though the next is recorded", committed(3), []step{
			rec(committed(6)), no(commit(3, blockB), "before this start"), no(commit(2, outcome), "before this start"),
			ok(commit(3, outcome)), ok(commit(6, outcome)), no(commit(3, outcome), "view 3 after view 6")}},
		{"no commit vote after a timeout of its view", types.SafetyState{}, []step{
			rec(timedOut(4, 3)), ok(timeout(4, 3)),
			rec(types.SafetyState{Epoch: 1, TimeoutView: 4, Lock: types.QC{View: 4}, Commit: &commit(4, outcome).Commit.Vote}),
			no(commit(4, outcome), "left by a timeout")}},
		{"a timeout with a lock that rose", types.SafetyState{}, []step{
			rec(timedOut(5, 2)), ok(timeout(5, 2)), rec(timedOut(5, 4)), ok(timeout(5, 4)), no(timeout(6, 4), "of view 5")}},
		{"a timeout that reports more than the record", types.SafetyState{}, []step{
			rec(timedOut(5, 2)), no(timeout(5, 3), "recorded lock")}},
		{"a timeout that reports its own view", types.SafetyState{}, []step{
			rec(timedOut(5, 5)), no(timeout(5, 5), "reports view 5")}},
		{"a stale lock after a commit vote", types.SafetyState{}, []step{
			rec(both), ok(commit(3, outcome)), no(timeout(4, 2), "below the commit vote"), ok(timeout(4, 3))}},
		{"proposals", types.SafetyState{}, []step{
			rec(types.SafetyState{Epoch: 1, ProposedView: 3, OptimisticView: 4}),
			ok(proposal(types.KindProposeNormal, 3, blockA)), no(proposal(types.KindProposeNormal, 3, blockB), "another message"),
			no(proposal(types.KindProposeFallback, 3, blockA), "another way"), ok(proposal(types.KindProposeOptimistic, 4, blockA)),
			no(proposal(types.KindProposeOptimistic, 5, blockA), "of view 4")}},
		{"no proposal of a view that was on record at the start", types.SafetyState{Epoch: 1, ProposedView: 3, OptimisticView: 4}, []step{
			no(proposal(types.KindProposeNormal, 3, blockA), "before this start"), no(proposal(types.KindProposeOptimistic, 4, blockA), "before this start")}},
		{"a state that falls back ends signing", types.SafetyState{}, []step{
			rec(voted(3, blockA)), rec(voted(2, blockA)), no(prepare(3, blockA), "fell back")}},
		{"a state with two votes in one view ends signing", types.SafetyState{}, []step{
			rec(voted(3, blockA)), rec(voted(3, blockB)), no(prepare(3, blockA), "two blocks")}},
		{"a state that lost its lock ends signing", types.SafetyState{}, []step{
			rec(committed(3)), rec(types.SafetyState{Epoch: 1, Commit: &commit(3, outcome).Commit.Vote, Lock: types.QC{View: 2}}), no(commit(3, outcome), "lock view")}},
		{"a later epoch begins anew, an earlier one is over", types.SafetyState{}, []step{
			rec(voted(3, blockA)), rec(types.SafetyState{Epoch: 2}), no(prepare(3, blockA), "records epoch 2")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, epoch := member(t)
			if err := s.Recovered(testGenesis, tc.start); err != nil {
				t.Fatal(err)
			}
			for i, st := range tc.steps {
				if st.record != nil {
					s.Recorded(*st.record)
					continue
				}
				signed, err := s.Sign(epoch, st.sign)
				if st.want == "" {
					checkSigned(t, s, signed, err, i)
				} else if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), st.want) {
					t.Errorf("step %d: error %v, want a refusal that says %q", i, err, st.want)
				}
			}
		})
	}
}

func member(t *testing.T) (*Signer, *types.Epoch) {
	t.Helper()
	dir := t.TempDir()
	mustInit(t, dir, testInit)
	s, _ := mustOpen(t, dir)
	r := s.Record()
	consensus, network, _, err := r.Keys()
	if err != nil {
		t.Fatal(err)
	}
	return s, &types.Epoch{Number: 1, Validators: []types.Validator{{ConsensusKey: consensus, NetworkKey: network, Power: 1}}}
}

func checkSigned(t *testing.T, s *Signer, m types.Message, err error, i int) {
	t.Helper()
	if err != nil {
		t.Errorf("step %d: refused: %v", i, err)
		return
	}
	f, err := unsigned(m)
	if err != nil {
		t.Fatal(err)
	}
	var sig []byte
	switch {
	case m.Prepare != nil:
		sig = m.Prepare.Signature
	case m.Commit != nil:
		sig = m.Commit.Signature
	case m.Timeout != nil:
		sig = m.Timeout.Signature
	case m.Proposal != nil:
		sig = m.Proposal.Signature
	}
	if !ed25519.Verify(s.ConsensusKey(), f.signable.SignBytes(types.Domain{Genesis: testGenesis, Epoch: 1}), sig) {
		t.Errorf("step %d: the signature does not verify", i)
	}
}

// rule: instance-match
func TestSignsOnlyWhereTheEpochPairsItsKeys(t *testing.T) {
	s, epoch := member(t)
	if err := s.Recovered(testGenesis, types.SafetyState{}); err != nil {
		t.Fatal(err)
	}
	s.Recorded(voted(3, blockA))
	other, stranger := *epoch, *epoch
	other.Validators = []types.Validator{{ConsensusKey: blockA[:], NetworkKey: epoch.Validators[0].NetworkKey, Power: 1}}
	stranger.Validators = []types.Validator{{ConsensusKey: epoch.Validators[0].ConsensusKey, NetworkKey: blockA, Power: 1}}
	for _, e := range []*types.Epoch{&other, &stranger} {
		if _, err := s.Sign(e, prepare(3, blockA)); !errors.Is(err, ErrRefused) {
			t.Errorf("signed in an epoch that names another: %v", err)
		}
	}
	m := prepare(3, blockA)
	m.Prepare.Validator = 1
	if _, err := s.Sign(epoch, m); !errors.Is(err, ErrRefused) {
		t.Errorf("signed for another validator: %v", err)
	}
	if _, err := s.Sign(epoch, types.Message{QC: &types.QC{}}); !errors.Is(err, ErrRefused) {
		t.Errorf("signed a certificate: %v", err)
	}
	if _, err := s.Sign(epoch, prepare(3, blockA)); err != nil {
		t.Errorf("refused its own: %v", err)
	}
}

func TestSuspendHoldsBackUntilAllReasonsAreGone(t *testing.T) {
	s, epoch := member(t)
	s.Suspend("own-echo", "asking the validators")
	s.Suspend("disk", "1 GiB free")
	if _, err := s.Sign(epoch, prepare(3, blockA)); !errors.Is(err, ErrRefused) {
		t.Errorf("signed before the vote log was known: %v", err)
	}
	if err := s.Recovered(testGenesis, types.SafetyState{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Recovered(testGenesis, types.SafetyState{}); err == nil {
		t.Error("the recovered state was replaced")
	}
	s.Recorded(voted(3, blockA))
	for _, why := range []string{"own-echo", "disk"} {
		if _, err := s.Sign(epoch, prepare(3, blockA)); err == nil || !strings.Contains(err.Error(), "suspended") {
			t.Errorf("signed while suspended: %v", err)
		}
		s.Resume(why)
	}
	if _, err := s.Sign(epoch, prepare(3, blockA)); err != nil {
		t.Errorf("still refused: %v", err)
	}
}
