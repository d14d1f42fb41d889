package genesis

import (
	"encoding/json"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Ceremony is all that a genesis is made of. Zero stands for the default in brackets.
type Ceremony struct {
	ChainID      string
	Scheme       string // [ed25519]
	TimeMs       uint64 // of height 0: recorded once, so that a repeat gives the same
	ExecutorHash types.Hash
	Engine       uint32 // [1]
	MaxBytes     uint64 // [2 MiB]
	MaxGas       uint64 // [1,000,000,000]
	// WideArea has timing for validators far from each other; Timing, if set, is the
	// whole of it.
	WideArea bool
	Timing   *Timing
	// AppState is the executor's (client/ledger.Genesis writes the ledger's).
	AppState json.RawMessage
	// Participants are the first set, in its order.
	Participants []Participant
}

// Participant is a validator of the first set.
type Participant struct {
	Record  Record
	Moniker string // [nodeN]
	Power   uint64 // [10]
}

// Make makes the genesis document: a pure function, the same bytes each time.
func (c *Ceremony) Make() (*Genesis, error) {
	doc := Document{
		Block: Block{MaxBytes: c.MaxBytes, MaxGas: c.MaxGas}, ChainID: c.ChainID, Engine: c.Engine, ExecutorHash: c.ExecutorHash,
		Scheme: c.Scheme, TimeMs: c.TimeMs, AppState: c.AppState, Timing: DevnetTiming(),
	}
	if c.WideArea {
		doc.Timing = WideAreaTiming()
	}
	if c.Timing != nil {
		doc.Timing = *c.Timing
	}
	if doc.Scheme == "" {
		doc.Scheme = "ed25519"
	}
	if doc.Engine == 0 {
		doc.Engine = 1
	}
	if doc.Block.MaxBytes == 0 {
		doc.Block.MaxBytes = 2 << 20
	}
	if doc.Block.MaxGas == 0 {
		doc.Block.MaxGas = 1_000_000_000
	}
	for i := range c.Participants {
		v, err := c.Participants[i].validator(i, doc.Scheme)
		if err != nil {
			return nil, err
		}
		doc.Validators = append(doc.Validators, v)
	}
	return New(doc)
}

func (p *Participant) validator(i int, scheme string) (Validator, error) {
	if p.Record.Scheme != scheme {
		return Validator{}, fmt.Errorf("record %d (identity %s) has a consensus key of scheme %s, the chain's is %s", i, p.Record.NetworkKey, p.Record.Scheme, scheme)
	}
	consensus, network, possession, err := p.Record.Keys()
	if err != nil {
		return Validator{}, fmt.Errorf("record %d: %w", i, err)
	}
	v := Validator{ConsensusKey: consensus, NetworkKey: network[:], Possession: possession, Power: p.Power, Moniker: p.Moniker}
	if v.Power == 0 {
		v.Power = 10
	}
	if v.Moniker == "" {
		v.Moniker = fmt.Sprintf("node%d", i)
	}
	return v, nil
}
