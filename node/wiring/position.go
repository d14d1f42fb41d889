package wiring

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Chain is what Position needs to know of a chain's genesis.
type Chain struct {
	First  uint64 // number of its first epoch
	Root   uint64 // the height that it begins above: 0, or what a recovery continues
	TimeMs uint64 // of height 0
}

// Position is where the chain stands on this disk, as consensus starts from it. For
// reading (no vote log given) the tip needs no certificate: a survivor that was brought up
// to its lock has none for it. // rule: recovery-genesis
func Position(c Chain, store engine.Store, recovered *votelog.Recovered) (consensus.Start, error) {
	var start consensus.Start
	tip := store.Tip()
	final, err := c.stored(store, tip)
	if err == nil && recovered != nil {
		final, err = c.final(store, tip)
	}
	if err != nil {
		return start, err
	}
	start.Tip = final
	number := c.First
	if tip > c.Root {
		block, err := store.Block(tip)
		if err != nil {
			return start, fmt.Errorf("read the tip's block: %w", err)
		}
		number = block.Header.Epoch
	}
	if recovered != nil {
		start.Blocks, start.Outcomes = recovered.Blocks, recovered.Outcomes
		signs, err := signsFrom(store, number, &recovered.State)
		if err != nil {
			return start, err
		}
		if signs {
			safety := recovered.State
			number, start.Safety = safety.Epoch, &safety
		}
	}
	if err := c.epoch(store, number, &start); err != nil {
		return start, err
	}
	next, err := store.EpochStart(number + 1)
	if err != nil {
		return start, fmt.Errorf("read epoch %d: %w", number+1, err)
	}
	if next != nil && final.Outcome.EndsEpoch() && tip > c.Root {
		start.TipChange = &next.Epoch
	}
	return start, nil
}

// Newest is the stored tip and the epoch of the block after it.
func Newest(c Chain, store engine.Store) (*types.Header, *types.Epoch, error) {
	start, err := Position(c, store, nil)
	if err != nil {
		return nil, nil, err
	}
	epoch := start.Epoch
	if start.TipChange != nil {
		epoch = *start.TipChange
	}
	return &types.Header{Height: start.Tip.Outcome.Height, View: start.Tip.View, TimestampMs: start.Tip.TimestampMs}, &epoch, nil
}

// epoch fills in the epoch that is started in and its root.
func (c Chain) epoch(store engine.Store, number uint64, start *consensus.Start) error {
	present, err := epochStart(store, number)
	if err != nil {
		return err
	}
	start.Epoch = present.Epoch
	if start.Recovered = number == c.First && c.Root > 0; number == c.First {
		start.Root, err = c.final(store, c.Root)
		return err
	}
	if start.Root, err = c.final(store, present.Certificate.Outcome.Height); err != nil {
		return err
	}
	start.Root.View, start.Root.Certificate = 0, present.Certificate
	previous, err := epochStart(store, number-1)
	if err != nil {
		return err
	}
	start.Previous = &previous.Epoch
	return nil
}

func epochStart(store engine.Store, number uint64) (*types.EpochStart, error) {
	start, err := store.EpochStart(number)
	if err == nil && start == nil {
		err = errors.New("the store does not hold it")
	}
	if err != nil {
		return nil, fmt.Errorf("read epoch %d: %w", number, err)
	}
	return start, nil
}

// signsFrom reports whether consensus starts from the vote log's state. It does not
// where the store lies in a later epoch (nothing was signed there yet), nor where a
// lost chain volume is filled and the vote log's epoch not reached yet.
func signsFrom(store engine.Store, tip uint64, state *types.SafetyState) (bool, error) {
	if state.Epoch < tip {
		return false, nil
	}
	start, err := store.EpochStart(state.Epoch)
	if err != nil {
		return false, fmt.Errorf("read epoch %d: %w", state.Epoch, err)
	}
	return start != nil, nil
}

// final is a stored height as consensus needs it.
func (c Chain) final(store engine.Store, height uint64) (consensus.Final, error) {
	final, err := c.stored(store, height)
	if err != nil || height == 0 || height == c.Root {
		return final, err
	}
	final.Certificate, err = store.Certificate(height)
	if errors.Is(err, blocksync.ErrNoCertificate) {
		return consensus.Final{}, fmt.Errorf("height %d has no certificate: the database was brought up to a lock by `bedrock genesis recover`, and goes on under the recovery genesis alone; where that was called off, put a copy of another node's chain volume in this one's place: %w", height, err)
	}
	if err != nil {
		return consensus.Final{}, fmt.Errorf("read the certificate of height %d: %w", height, err)
	}
	return final, nil
}

// stored is that without the certificate.
func (c Chain) stored(store engine.Store, height uint64) (consensus.Final, error) {
	outcome, err := store.Outcome(height)
	if err != nil {
		return consensus.Final{}, fmt.Errorf("read outcome %d: %w", height, err)
	}
	if height == 0 {
		return consensus.Final{Outcome: *outcome, TimestampMs: c.TimeMs}, nil
	}
	block, err := store.Block(height)
	if err != nil {
		return consensus.Final{}, fmt.Errorf("read block %d: %w", height, err)
	}
	if height == c.Root { // rule: recovery-genesis
		return consensus.Final{Outcome: *outcome, TimestampMs: block.Header.TimestampMs}, nil
	}
	return consensus.Final{View: block.Header.View, TimestampMs: block.Header.TimestampMs, Outcome: *outcome}, nil
}
