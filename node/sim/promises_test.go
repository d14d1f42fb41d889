package sim

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// What a vote log holds only rises, and what is sent is in it.
func TestPromises(t *testing.T) {
	a, b := types.SumHash([]byte("a")), types.SumHash([]byte("b"))
	vote := func(view uint64, block types.Hash) *types.Commit { return &types.Commit{View: view, Block: block} }
	was := types.SafetyState{Epoch: 2, VotedView: 5, VotedBlock: a, TimeoutView: 4, Commit: vote(3, a), Lock: types.QC{View: 4}, OptimisticView: 6, ProposedView: 2}
	for _, tc := range []struct {
		want   string
		change func(*types.SafetyState)
	}{
		{"", func(*types.SafetyState) {}},
		{"", func(s *types.SafetyState) { *s = types.SafetyState{Epoch: 3} }},
		{"epoch", func(s *types.SafetyState) { s.Epoch = 1 }},
		{"prepare vote", func(s *types.SafetyState) { s.VotedView = 4 }},
		{"prepare vote", func(s *types.SafetyState) { s.VotedBlock = b }},
		{"commit vote", func(s *types.SafetyState) { s.Commit = nil }},
		{"commit vote", func(s *types.SafetyState) { s.Commit = vote(3, b) }},
		{"timeout", func(s *types.SafetyState) { s.TimeoutView-- }},
		{"lock", func(s *types.SafetyState) { s.Lock.View-- }},
		{"proposal", func(s *types.SafetyState) { s.OptimisticView-- }},
		{"proposal", func(s *types.SafetyState) { s.ProposedView-- }},
	} {
		now := was
		if tc.change(&now); fellBack(&was, &now) != tc.want {
			t.Errorf("%+v after %+v: %q went back, want %q", now, was, fellBack(&was, &now), tc.want)
		}
	}
	for _, tc := range []struct {
		want string
		m    types.Message
	}{
		{"", types.Message{Prepare: &types.SignedPrepare{Epoch: 2, Vote: types.Prepare{View: 5, Block: a}}}},
		{"a prepare vote", types.Message{Prepare: &types.SignedPrepare{Epoch: 2, Vote: types.Prepare{View: 5, Block: b}}}},
		{"a prepare vote", types.Message{Prepare: &types.SignedPrepare{Epoch: 2, Vote: types.Prepare{View: 6, Block: a}}}},
		{"a prepare vote", types.Message{Prepare: &types.SignedPrepare{Epoch: 3, Vote: types.Prepare{View: 1, Block: a}}}},
		{"", types.Message{Commit: &types.SignedCommit{Epoch: 2, Vote: *vote(3, a)}}},
		{"", types.Message{Commit: &types.SignedCommit{Epoch: 1, Vote: *vote(9, a)}}},
		{"a commit vote", types.Message{Commit: &types.SignedCommit{Epoch: 2, Vote: *vote(3, b)}}},
		{"a commit vote", types.Message{Commit: &types.SignedCommit{Epoch: 2, Vote: *vote(4, a)}}},
		{"", types.Message{Timeout: &types.SignedTimeout{Epoch: 2, Vote: types.Timeout{View: 4, HighView: 3}}}},
		{"a timeout", types.Message{Timeout: &types.SignedTimeout{Epoch: 2, Vote: types.Timeout{View: 5, HighView: 3}}}},
		{"a timeout", types.Message{Timeout: &types.SignedTimeout{Epoch: 2, Vote: types.Timeout{View: 4, HighView: 5}}}},
		{"", types.Message{Proposal: &types.Proposal{Epoch: 2, View: 6, Kind: types.KindProposeOptimistic}}},
		{"a proposal", types.Message{Proposal: &types.Proposal{Epoch: 2, View: 3, Kind: types.KindProposeFallback}}},
		{"an optimistic proposal", types.Message{Proposal: &types.Proposal{Epoch: 2, View: 7, Kind: types.KindProposeOptimistic}}},
	} {
		if got := unsynced(&was, &tc.m); got != tc.want {
			t.Errorf("%+v by %+v: %q, want %q", tc.m, was, got, tc.want)
		}
	}
}
