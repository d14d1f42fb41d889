package main

import (
	"context"
	"fmt"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Bounds of a history.
const (
	maxHistory    = 4096 // epochs
	queriesAtOnce = 300
)

// change is what an epoch did to one validator.
type change struct {
	Epoch     uint64    `json:"epoch"`
	Height    uint64    `json:"first_height"`
	Validator ledger.ID `json:"validator"` // name; of an executor without names: the identity
	Moniker   string    `json:"moniker,omitempty"`
	What      string    `json:"what"` // entered, left the set, rotated, weighed
	Identity  ledger.ID `json:"identity"`
	Power     uint64    `json:"power"`
	Before    string    `json:"before,omitempty"` // identity or power before
}

// String is the change in a line, without its epoch.
func (c *change) String() string {
	name := c.Moniker
	if name == "" {
		name = c.Validator.String()[:12]
	}
	switch c.What {
	case "rotated":
		return fmt.Sprintf("%s rotated from identity %.12s to %.12s", name, c.Before, c.Identity)
	case "weighed":
		return fmt.Sprintf("%s weighed, power %s to %d", name, c.Before, c.Power)
	case "entered":
		return fmt.Sprintf("%s entered with power %d", name, c.Power)
	}
	return fmt.Sprintf("%s left the set", name)
}

// epochs are all verified epochs of a chain from the first one, and whose the
// identities in them are.
type epochs struct {
	list   []types.Epoch
	first  []uint64                // first height of each
	before []types.Hash            // block that each begins after
	holder map[ledger.ID]ledger.ID // identity -> validator's name
	names  map[ledger.ID]string    // name -> moniker
}

// readEpochs verifies all epochs. Whose identities they name is read from the
// ledger; an executor that keeps none leaves each identity to stand for itself.
func readEpochs(ctx context.Context, c *client.Client, trusted types.Epoch) (*epochs, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Learn(ctx, status.Epoch); err != nil {
		return nil, err
	}
	e := &epochs{list: []types.Epoch{trusted}, first: []uint64{1}, before: []types.Hash{c.Chain().Genesis()}, holder: map[ledger.ID]ledger.ID{}, names: map[ledger.ID]string{}}
	for _, start := range c.Chain().Starts(status.Epoch) {
		e.list = append(e.list, start.Epoch)
		e.first = append(e.first, start.Certificate.Outcome.Height+1)
		e.before = append(e.before, start.Certificate.Outcome.Block)
	}
	if len(e.list) > maxHistory {
		return nil, fmt.Errorf("%d epochs: a history has at most %d", len(e.list), maxHistory)
	}
	members, height, err := readMembers(ctx, c, 0)
	if err != nil {
		return e, nil // no such ledger: identities stand for themselves
	}
	for i := range members {
		e.holder[members[i].Identity], e.names[members[i].Name] = members[i].Name, members[i].Moniker
	}
	return e, e.findHolders(ctx, c, height)
}

// findHolders asks whose the identities are that no present validator has.
func (e *epochs) findHolders(ctx context.Context, c *client.Client, height uint64) error {
	var unknown []ledger.ID
	asked := map[ledger.ID]bool{}
	for i := range e.list {
		for _, v := range e.list[i].Validators {
			id := ledger.ID(v.NetworkKey)
			if _, ok := e.holder[id]; !ok && !asked[id] {
				asked[id] = true
				unknown = append(unknown, id)
			}
		}
	}
	for ; len(unknown) > 0; unknown = unknown[min(queriesAtOnce, len(unknown)):] {
		batch := unknown[:min(queriesAtOnce, len(unknown))]
		paths, keys := make([]string, len(batch)), make([][]byte, len(batch))
		for i, id := range batch {
			paths[i], keys[i] = "key_holder/"+id.String(), ledger.HolderKey(id[:])
		}
		rows, err := c.QueryMany(ctx, paths, keys, height)
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].Absent {
				continue
			}
			name, err := ledger.DecodeHolder(rows[i].Value)
			if err != nil {
				return err
			}
			e.holder[batch[i]] = name
		}
	}
	return nil
}

// of is whose an identity is.
func (e *epochs) of(identity [32]byte) ledger.ID {
	if name, ok := e.holder[identity]; ok {
		return name
	}
	return identity
}

// changes is what epoch i (an index) did, in the set's order, leavers last.
func (e *epochs) changes(i int) []change {
	before := map[ledger.ID]types.Validator{}
	var order []ledger.ID
	if i > 0 {
		for _, v := range e.list[i-1].Validators {
			before[e.of(v.NetworkKey)] = v
			order = append(order, e.of(v.NetworkKey))
		}
	}
	var out []change
	add := func(name ledger.ID, v *types.Validator, what, was string) {
		out = append(out, change{Epoch: e.list[i].Number, Height: e.first[i], Validator: name, Moniker: e.names[name], What: what,
			Identity: v.NetworkKey, Power: v.Power, Before: was})
	}
	stays := map[ledger.ID]bool{}
	for _, v := range e.list[i].Validators {
		name := e.of(v.NetworkKey)
		stays[name] = true
		was, there := before[name]
		if !there {
			add(name, &v, "entered", "")
			continue
		}
		if was.NetworkKey != v.NetworkKey {
			add(name, &v, "rotated", ledger.ID(was.NetworkKey).String())
		}
		if was.Power != v.Power {
			add(name, &v, "weighed", fmt.Sprint(was.Power))
		}
	}
	for _, name := range order {
		if v := before[name]; !stays[name] {
			add(name, &v, "left the set", "")
		}
	}
	return out
}

// historyOf is all that happened to one validator.
func (e *epochs) historyOf(name ledger.ID) []change {
	out := []change{}
	for i := range e.list {
		for _, c := range e.changes(i) {
			if c.Validator == name {
				out = append(out, c)
			}
		}
	}
	return out
}
