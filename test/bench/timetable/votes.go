package main

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// openVotes makes a vote log and opens it.
func openVotes(dir string, fs disk.FS, onSync func(time.Duration)) (*votelog.Log, error) {
	opt := votelog.Options{Owner: identity, AllowUnsafeFileSystem: true, FS: fs, OnSync: onSync}
	if err := votelog.Create(dir, opt); err != nil {
		return nil, err
	}
	log, _, err := votelog.Open(dir, opt)
	return log, err
}

// prepareVote is what a validator records of its vote for a block, body included.
func prepareVote(before types.SafetyState, view uint64, b *types.Block, synced uint64) votelog.Record {
	next := before
	next.Epoch, next.VotedView, next.VotedBlock, next.VotedHeight = 1, view, b.ID(), b.Header.Height
	return votelog.Record{Blocks: []*types.Block{b}, SyncedHeight: synced, State: next}
}

// commitVote is what it records of the vote that the prepare votes' quorum leads to.
func commitVote(view uint64, o *types.Outcome, synced uint64) votelog.Record {
	// A certificate's size, as of four validators with ed25519.
	lock := types.QC{Epoch: 1, View: view, Height: o.Height, Block: o.Block, Prepares: &types.Aggregate{Signers: []byte{7}, Signature: make([]byte, 3*64)}}
	commit := &types.Commit{View: view, Height: o.Height, Block: o.Block, Outcome: o.Hash()}
	return votelog.Record{SyncedHeight: synced,
		Outcomes: []types.SignedOutcome{{View: view, Height: o.Height, Block: o.Block, Outcome: commit.Outcome}},
		State:    types.SafetyState{Epoch: 1, VotedView: view, VotedBlock: o.Block, VotedHeight: o.Height, Lock: lock, Commit: commit}}
}

// vote records both votes for a block.
func (c *chain) vote(b *types.Block, o *types.Outcome) error {
	synced := c.store.SyncedHeight()
	c.view++
	if err := c.votes.Append(prepareVote(c.votes.State(), c.view, b, synced)); err != nil {
		return err
	}
	if err := c.votes.Append(commitVote(c.view, o, synced)); err != nil {
		return err
	}
	c.votes.Final(o.Height, o.Block)
	return nil
}
