package votebook_test

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/test/votebook"
)

func TestTheBookFindsWhatWasSignedTwice(t *testing.T) {
	a, b := types.Hash{1}, types.Hash{2}
	prepare := func(epoch, view uint64, block types.Hash) votelog.StateOverview {
		return votelog.StateOverview{Epoch: epoch, VotedView: view, VotedBlock: block}
	}
	commit := func(view uint64, block, outcome types.Hash) votelog.StateOverview {
		return votelog.StateOverview{Epoch: 1, CommitView: view, CommitHeight: 7, CommitBlock: block, CommitOutcome: outcome}
	}
	for _, tc := range []struct {
		name          string
		first, second votelog.StateOverview
		other         string // identity of the second; empty: the same
		twice         bool
	}{
		{"the same vote again", prepare(1, 4, a), prepare(1, 4, a), "", false},
		{"another block in the view", prepare(1, 4, a), prepare(1, 4, b), "", true},
		{"another view", prepare(1, 4, a), prepare(1, 5, b), "", false},
		{"another epoch", prepare(1, 4, a), prepare(2, 4, b), "", false},
		{"another validator", prepare(1, 4, a), prepare(1, 4, b), "other", false},
		{"the same commit vote again", commit(4, a, a), commit(4, a, a), "", false},
		{"another outcome", commit(4, a, a), commit(4, a, b), "", true},
		{"another block in a commit vote", commit(4, a, a), commit(4, b, a), "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			book, second := votebook.New(), "one"
			if tc.other != "" {
				second = tc.other
			}
			if err := book.Add("one", &tc.first); err != nil {
				t.Fatal(err)
			}
			if err := book.Add(second, &tc.second); (err != nil) != tc.twice {
				t.Errorf("it says %v, signed twice: %t", err, tc.twice)
			}
		})
	}
}

func TestTheBookFindsALogThatFell(t *testing.T) {
	book := votebook.New()
	for _, step := range []struct {
		state votelog.StateOverview
		falls bool
	}{
		{votelog.StateOverview{Epoch: 1, VotedView: 4, LockView: 3}, false},
		{votelog.StateOverview{Epoch: 1, VotedView: 4, LockView: 2}, true},
		{votelog.StateOverview{Epoch: 2}, false},
		{votelog.StateOverview{Epoch: 1, VotedView: 9, LockView: 9}, true},
	} {
		if err := book.Rise("one", &step.state); (err != nil) != step.falls {
			t.Errorf("after %+v it says %v, fell: %t", step.state, err, step.falls)
		}
	}
}
