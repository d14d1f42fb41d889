package node

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// RecoveryOf is the part of MakeRecovery that takes what a vote log told.
var RecoveryOf = recoveryOf

// StoreLocked stores one more block in a home's database, without a certificate, as if the
// home had been brought up to a lock on it. It is like no block of any other home.
func StoreLocked(ctx context.Context, home string, cfg *config.Config) (height uint64, err error) {
	n := &Node{opt: Options{Home: home, Config: cfg}, cfg: cfg, log: slog.New(slog.DiscardHandler), started: time.Now(), clock: newClock()}
	defer func() { err = errors.Join(err, n.Close()) }()
	for _, step := range []func(context.Context) error{n.openGenesis, n.openMetrics, n.openStore, n.openExecution} {
		if err := step(ctx); err != nil {
			return 0, err
		}
	}
	history, tip, err := n.history()
	if err != nil {
		return 0, err
	}
	below, err := n.store.Block(tip.Height)
	if err != nil {
		return 0, err
	}
	block := &types.Block{Header: types.Header{Genesis: n.genesis.Hash(), Epoch: history.Present.Number, View: below.Header.View + 1000, Height: tip.Height + 1,
		Parent: tip.Block, TimestampMs: below.Header.TimestampMs + 1, PayloadRoot: types.ListRoot(nil), EvidenceRoot: types.ListRoot(nil)}}
	finals, err := n.executeLine(ctx, history, *tip, []*types.Block{block}, &votelog.Recovered{})
	if err != nil {
		return 0, err
	}
	if err := n.store.CommitLocked(finals); err != nil {
		return 0, err
	}
	_, err = n.store.Sync()
	return block.Header.Height, err
}
