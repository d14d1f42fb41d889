package chaintest

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Silence has all nodes run on and answer nobody, or answer again.
func (c *Chain) Silence(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = on
}

// reach is the node at an endpoint, if it runs and answers. Callers hold mu.
func (c *Chain) reach(ctx context.Context, at chain.Endpoint) (*Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", at, chain.ErrUnreachable, err)
	}
	n := c.nodes[at]
	if n == nil || !n.up || c.silent {
		return nil, fmt.Errorf("%s: %w", at, chain.ErrUnreachable)
	}
	return n, nil
}

// Status implements chain.Client.
func (c *Chain) Status(ctx context.Context, at chain.Endpoint) (*chain.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.reach(ctx, at)
	if err != nil {
		return nil, err
	}
	s := &chain.Status{
		ChainID: c.opt.ChainID, Genesis: c.opt.Genesis, Version: n.version, Identity: n.identityLocked(), Index: -1,
		Epoch: c.epoch, View: c.view + 1, FinalHeight: c.height, FinalTimeMs: c.timeMs, Target: c.height, Syncing: !n.synced,
		SignerBoots: n.boots, CommitAge: c.elapsed - max(c.finalAt, n.started), FailedViews: c.failedViews, ViewAge: 0,
		ViewTimer: c.opt.BaseTimer, BaseTimer: c.opt.BaseTimer, IdleInterval: c.opt.IdleInterval,
		Peers: len(c.nodes) - 1 - len(n.cut), PoolTransactions: len(c.waiting), Started: time.UnixMilli(startMs).Add(n.started),
		Schema: n.schema, OldestSchema: max(1, n.newest-1), NewestSchema: n.newest, Engine: 1,
		OldestWaiting: n.waiting,
	}
	for _, p := range c.waiting {
		s.OldestWaiting = max(s.OldestWaiting, c.elapsed-p.since, time.Millisecond)
	}
	for i := range c.set {
		if c.set[i].identity == s.Identity {
			s.Index = i
		}
	}
	if len(c.set) > 0 {
		s.Leader = int(s.View) % len(c.set)
		s.LeaderKey = c.set[s.Leader].identity
	}
	s.Signing, s.WhyNot = n.signs(s.Index)
	return s, nil
}

func (n *Node) signs(index int) (bool, string) {
	switch {
	case n.suspended != "":
		return false, "suspended: " + n.suspended
	case index < 0:
		return false, "no validator of the epoch has this instance's keys"
	case !n.synced:
		return false, "it syncs"
	}
	return true, ""
}

// Set implements chain.Client.
func (c *Chain) Set(ctx context.Context, at chain.Endpoint) (*chain.Set, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.reach(ctx, at)
	if err != nil {
		return nil, err
	}
	s := &chain.Set{Epoch: c.epoch, Height: c.height, TimeMs: c.timeMs, Ledger: !c.opt.NoLedger}
	inSet := map[ledger.ID]bool{}
	for i := range c.set {
		m := &c.set[i]
		one := chain.Member{Index: i, Moniker: m.moniker, Identity: m.identity, ConsensusKey: m.key, Power: m.power, Seen: c.seen(n, m.identity)}
		if s.Ledger {
			one.Name, one.Row = m.name, *c.ledger.validators[m.name]
		}
		inSet[m.name] = true
		s.TotalPower += m.power
		s.Members = append(s.Members, one)
	}
	for _, name := range c.ledger.order {
		v := c.ledger.validators[name]
		if s.Ledger && !inSet[name] && v.Status != ledger.StatusLeft {
			s.Outside = append(s.Outside, outside(name, v))
		}
	}
	return s, nil
}

// seen is what a node has seen of an identity.
func (c *Chain) seen(n *Node, identity ledger.ID) chain.Seen {
	var s chain.Seen
	if v := n.seen[identity]; v.height > 0 {
		s.VoteHeight, s.VoteAge = v.height, c.elapsed-v.at
	}
	since, cut := n.cut[identity]
	for _, other := range c.nodes {
		if other.up && other.identityLocked() == identity && !cut {
			s.Connected, s.ConnectionAge = true, c.elapsed-max(n.started, other.started)
			return s
		}
	}
	s.ConnectionAge = c.elapsed - max(n.started, since, n.seen[identity].at)
	return s
}

func outside(name ledger.ID, v *ledger.Validator) chain.Member {
	return chain.Member{Index: -1, Name: name, Moniker: v.Moniker, Identity: v.Identity, ConsensusKey: v.ConsensusKey, Power: v.Power, Row: *v}
}

// read reaches a node for a read of the ledger.
func (c *Chain) read(ctx context.Context, at chain.Endpoint) error {
	if _, err := c.reach(ctx, at); err != nil {
		return err
	}
	if c.opt.NoLedger {
		return fmt.Errorf("%s: %w", at, chain.ErrNoLedger)
	}
	return nil
}

// Validator implements chain.Client.
func (c *Chain) Validator(ctx context.Context, at chain.Endpoint, name ledger.ID) (*chain.Member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(ctx, at); err != nil {
		return nil, err
	}
	v := c.ledger.validators[name]
	if v == nil {
		return nil, fmt.Errorf("validator %s: %w", name, chain.ErrNotFound)
	}
	m := outside(name, v)
	return &m, nil
}

// Holder implements chain.Client.
func (c *Chain) Holder(ctx context.Context, at chain.Endpoint, key []byte) (ledger.ID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(ctx, at); err != nil {
		return ledger.ID{}, err
	}
	name, ok := c.ledger.holders[string(key)]
	if !ok {
		return ledger.ID{}, fmt.Errorf("holder of key %s: %w", hex.EncodeToString(key), chain.ErrNotFound)
	}
	return name, nil
}

// Authority implements chain.Client.
func (c *Chain) Authority(ctx context.Context, at chain.Endpoint) (ledger.Authority, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger.authority, c.read(ctx, at)
}

// Account implements chain.Client.
func (c *Chain) Account(ctx context.Context, at chain.Endpoint, who ledger.Address) (ledger.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(ctx, at); err != nil {
		return ledger.Account{}, err
	}
	return ledger.Account{Nonce: c.ledger.nonces[who], Balance: ledger.Amount{Lo: 1 << 40}}, nil
}

// Parameters implements chain.Client.
func (c *Chain) Parameters(ctx context.Context, at chain.Endpoint) (map[string]uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(ctx, at); err != nil {
		return nil, err
	}
	return map[string]uint64{"rotation_window_ms": uint64(c.opt.RotationWindow.Milliseconds()), "max_lease_ms": uint64(c.opt.MaxLease.Milliseconds()), "min_gas_price": 1, "max_candidates": maxCandidates}, nil
}

// Submit implements chain.Client.
func (c *Chain) Submit(ctx context.Context, at chain.Endpoint, tx []byte) (*chain.Verdict, error) {
	if c.OnSubmit != nil {
		if err := c.OnSubmit(at, tx); err != nil {
			return nil, err
		}
	}
	v, err := c.submit(ctx, at, tx)
	if err == nil && c.OnSubmitted != nil {
		if err := c.OnSubmitted(at, tx); err != nil {
			return nil, err
		}
	}
	return v, err
}

func (c *Chain) submit(ctx context.Context, at chain.Endpoint, tx []byte) (*chain.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.reach(ctx, at); err != nil {
		return nil, err
	}
	c.submitted = append(c.submitted, append([]byte(nil), tx...))
	v := &chain.Verdict{Hash: types.TxHash(tx)}
	if c.executed[v.Hash] != nil {
		v.Admitted, v.Duplicate = true, true
		return v, nil
	}
	for _, p := range c.waiting {
		if p.hash == v.Hash {
			v.Admitted, v.Duplicate = true, true
			return v, nil
		}
	}
	t, err := ledger.Decode(tx)
	if err != nil {
		v.Reason, v.Code, v.Text = "verify_failed", codeMalformed, err.Error()
		return v, nil
	}
	if r := c.ledger.check(t, c.block()); r.code != 0 {
		v.Reason, v.Code, v.Text = "check_failed", r.code, r.log
		return v, nil
	}
	c.waiting = append(c.waiting, pending{tx: c.submitted[len(c.submitted)-1], hash: v.Hash, since: c.elapsed})
	v.Admitted = true
	return v, nil
}

// Transaction implements chain.Client.
func (c *Chain) Transaction(ctx context.Context, at chain.Endpoint, hash types.Hash) (*chain.Execution, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.reach(ctx, at); err != nil {
		return nil, err
	}
	if e := c.executed[hash]; e != nil {
		found := *e
		return &found, nil
	}
	for _, p := range c.waiting {
		if p.hash == hash {
			return &chain.Execution{Pending: true}, nil
		}
	}
	return nil, fmt.Errorf("transaction %s: %w", hash, chain.ErrNotFound)
}
