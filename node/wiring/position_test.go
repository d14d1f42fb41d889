package wiring

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// shelf is a store of two heights, of which the first ends epoch 1.
type shelf struct {
	engine.Store
	tip     uint64
	bare    bool  // the tip has no certificate
	damaged error // of the epochs
}

func (s shelf) Tip() uint64 { return s.tip }

func (s shelf) Outcome(height uint64) (*types.Outcome, error) {
	o := &types.Outcome{Height: height}
	if height == 1 {
		o.NextEpoch = types.SumHash([]byte("epoch 2"))
	}
	return o, nil
}

func (s shelf) Block(height uint64) (*types.Block, error) {
	return &types.Block{Header: types.Header{Epoch: height, View: 7, Height: height}}, nil
}

func (s shelf) Certificate(height uint64) (*types.CC, error) {
	if s.bare && height == s.tip {
		return nil, fmt.Errorf("height %d: %w", height, blocksync.ErrNoCertificate)
	}
	return &types.CC{Epoch: height, View: 7, Height: height, Outcome: types.Outcome{Height: height}}, nil
}

func (s shelf) EpochStart(number uint64) (*types.EpochStart, error) {
	if number > 2 || number == 2 && s.tip == 0 {
		return nil, s.damaged
	}
	start := &types.EpochStart{Epoch: types.Epoch{Number: number}}
	if number == 2 {
		start.Certificate, _ = s.Certificate(1)
	}
	return start, nil
}

func TestPosition(t *testing.T) {
	for _, tc := range []struct {
		name         string
		store        shelf
		signed       uint64 // epoch of the vote log
		epoch, root  uint64
		safety, ends bool // it starts from the vote log's state; the tip ends its epoch
	}{
		{"genesis", shelf{}, 0, 1, 0, false, false},
		{"genesis, voted", shelf{}, 1, 1, 0, true, false},
		{"a lost chain volume", shelf{}, 2, 1, 0, false, false},
		{"at the end of an epoch", shelf{tip: 1}, 1, 1, 0, true, true},
		{"at the end of an epoch, the next entered", shelf{tip: 1}, 2, 2, 1, true, false},
		{"the store in a later epoch", shelf{tip: 2}, 1, 2, 1, false, false},
		{"in an epoch", shelf{tip: 2}, 2, 2, 1, true, false},
		{"the vote log beyond the store", shelf{tip: 2}, 3, 2, 1, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start, err := Position(Chain{First: 1}, tc.store, &votelog.Recovered{State: types.SafetyState{Epoch: tc.signed}})
			if err != nil {
				t.Fatal(err)
			}
			if start.Epoch.Number != tc.epoch || start.Root.Outcome.Height != tc.root || (start.Safety != nil) != tc.safety || (start.TipChange != nil) != tc.ends {
				t.Errorf("epoch %d above %d, safety %v, change %v", start.Epoch.Number, start.Root.Outcome.Height, start.Safety != nil, start.TipChange != nil)
			}
			if start.Root.View != 0 || (start.Previous != nil) != (tc.epoch > 1) || start.Tip.Outcome.Height != tc.store.tip {
				t.Errorf("root of view %d, previous %v, tip %d", start.Root.View, start.Previous, start.Tip.Outcome.Height)
			}
		})
	}
}

// What the disk refuses to read is no absence.
func TestPositionOfADamagedStore(t *testing.T) {
	bad := errors.New("damaged")
	if _, err := Position(Chain{First: 1}, shelf{tip: 2, damaged: bad}, &votelog.Recovered{}); !errors.Is(err, bad) {
		t.Errorf("an unreadable epoch: %v", err)
	}
	_, err := Position(Chain{First: 1}, shelf{tip: 2, bare: true}, &votelog.Recovered{})
	if err == nil || !strings.Contains(err.Error(), "has no certificate") {
		t.Errorf("a tip without certificate, to sign from: %v", err)
	}
	if _, err := Position(Chain{First: 1}, shelf{tip: 2, bare: true}, nil); err != nil {
		t.Errorf("to read from: %v", err)
	}
}
