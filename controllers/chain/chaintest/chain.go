package chaintest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Options shape a Chain. Zero stands for the default in brackets.
type Options struct {
	ChainID    string   // [test-chain]
	Validators int      // of genesis, on the nodes http://val-N:7601 [4; below 0: none]
	Powers     []uint64 // of each [10]
	// Volumes begins the names of those nodes' signer volumes, and so decides their
	// keys: another for each chain where several share a cluster [val-].
	Volumes string
	// Genesis is the genesis hash [of the chain id].
	Genesis types.Hash
	// Threshold of the authority's Keys [1 of 1].
	Threshold, Keys int
	// Operator, if set, is the owner and the delegate of genesis' validators and the
	// first key of the authority.
	Operator       ed25519.PrivateKey
	BlockTime      time.Duration // between heights [1 s]
	BaseTimer      time.Duration // a view's [1 s]
	IdleInterval   time.Duration // [10 s]
	RotationWindow time.Duration // [1 h; below 0: none]
	MaxLease       time.Duration // [24 h]
	NoLedger       bool          // the executor keeps no validators
	Schema         uint32        // of the nodes' databases [1]
}

// Chain is a chain in memory. Safe for concurrent use.
type Chain struct {
	// OnSubmit, if set, is called before a transaction reaches a node's pool; an
	// error is the caller's answer. OnSubmitted is called after it did: the answer is
	// lost then. Both may not call the Chain.
	OnSubmit, OnSubmitted func(at chain.Endpoint, tx []byte) error

	opt    Options
	mu     sync.Mutex
	nodes  map[chain.Endpoint]*Node
	order  []chain.Endpoint
	silent bool // nobody is answered

	height, view uint64
	elapsed      time.Duration // of the chain's clock
	finalAt      time.Duration // when the last height became final
	failedViews  uint64
	timeMs       uint64 // of the last block

	epoch     uint64
	set       []setMember
	newcomer  bool // the epoch has one
	ledger    *state
	waiting   []pending
	executed  map[types.Hash]*chain.Execution
	submitted [][]byte
}

type setMember struct {
	name, identity ledger.ID
	key            []byte
	power          uint64
	moniker        string
}

type pending struct {
	tx    []byte
	hash  types.Hash
	since time.Duration
}

var (
	_ chain.Client = (*Chain)(nil)
	_ chain.Admin  = (*Chain)(nil)
)

// startMs is the time of genesis.
const startMs = 1_790_000_000_000

// New makes a chain at height 0.
func New(opt Options) *Chain {
	opt = opt.withDefaults()
	c := &Chain{opt: opt, nodes: map[chain.Endpoint]*Node{}, executed: map[types.Hash]*chain.Execution{}, timeMs: startMs, epoch: 1, ledger: newState(&opt)}
	for i := range max(0, opt.Validators) {
		at := chain.Endpoint(fmt.Sprintf("http://val-%d:7601", i))
		n := c.AddNode(at, fmt.Sprintf("%s%d", opt.Volumes, i))
		power := uint64(10)
		if i < len(opt.Powers) {
			power = opt.Powers[i]
		}
		c.ledger.genesis(n.identityLocked(), n.keyLocked(), fmt.Sprintf("val-%d", i), power, c.OwnerAddress(i), c.DelegateKey())
	}
	c.refreshSet()
	return c
}

func (o Options) withDefaults() Options {
	if o.ChainID == "" {
		o.ChainID = "test-chain"
	}
	if o.Volumes == "" {
		o.Volumes = "val-"
	}
	if o.Validators == 0 {
		o.Validators = max(4, len(o.Powers))
		if len(o.Powers) > 0 {
			o.Validators = len(o.Powers)
		}
	}
	if o.Genesis == (types.Hash{}) {
		o.Genesis = types.SumHash([]byte(o.ChainID))
	}
	for _, d := range []struct {
		value  *time.Duration
		preset time.Duration
	}{{&o.BlockTime, time.Second}, {&o.BaseTimer, time.Second}, {&o.IdleInterval, 10 * time.Second}, {&o.RotationWindow, time.Hour}, {&o.MaxLease, 24 * time.Hour}} {
		if *d.value == 0 {
			*d.value = d.preset
		}
	}
	o.RotationWindow = max(0, o.RotationWindow)
	o.Threshold, o.Keys = max(1, o.Threshold), max(1, o.Keys, o.Threshold)
	if o.Schema == 0 {
		o.Schema = 1
	}
	return o
}

// keys are those that were made: nodes are compared by them at every answer.
var keys sync.Map

// key is a key of this package: its seed is a hash of a name.
func key(name string) ed25519.PrivateKey {
	if k, ok := keys.Load(name); ok {
		return k.(ed25519.PrivateKey)
	}
	seed := sha256.Sum256([]byte("bedrock/chaintest/" + name))
	k := ed25519.NewKeyFromSeed(seed[:])
	keys.Store(name, k)
	return k
}

// Genesis is the chain's genesis hash.
func (c *Chain) Genesis() types.Hash { return c.opt.Genesis }

// Owner is the key of the account that owns validator i of genesis.
func (c *Chain) Owner(i int) ed25519.PrivateKey {
	if c.opt.Operator != nil {
		return c.opt.Operator
	}
	return key(fmt.Sprintf("owner %d", i))
}

// OwnerAddress is that account.
func (c *Chain) OwnerAddress(i int) ledger.Address {
	return ledger.AddressOf(c.Owner(i).Public().(ed25519.PublicKey))
}

// Delegate is the key that may rotate, maintain and leave the validators of genesis.
func (c *Chain) Delegate() ed25519.PrivateKey {
	if c.opt.Operator != nil {
		return c.opt.Operator
	}
	return key("delegate")
}

func (o *Options) authorityKey(i int) ed25519.PrivateKey {
	if i == 0 && o.Operator != nil {
		return o.Operator
	}
	return key(fmt.Sprintf("authority %d", i))
}

// DelegateKey is its public key.
func (c *Chain) DelegateKey() ledger.ID { return ledger.ID(c.Delegate().Public().(ed25519.PublicKey)) }

// AuthorityKeys are the authority's keys.
func (c *Chain) AuthorityKeys() []ed25519.PrivateKey {
	out := make([]ed25519.PrivateKey, c.opt.Keys)
	for i := range out {
		out[i] = c.opt.authorityKey(i)
	}
	return out
}

// Name is the name for life of validator i of genesis.
func (c *Chain) Name(i int) ledger.ID {
	return ledger.ValidatorName(identityOf(fmt.Sprintf("%s%d", c.opt.Volumes, i), 1))
}

// Submitted are all transactions that were offered, refused ones too, in order.
func (c *Chain) Submitted() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([][]byte(nil), c.submitted...)
}

// Height is the last final height.
func (c *Chain) Height() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.height
}

// Epoch is the present epoch.
func (c *Chain) Epoch() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// Advance makes n heights final, one BlockTime apart, each with what waits in the
// pool. Where the live power is no quorum nothing becomes final: views fail instead.
// It answers how many heights became final.
func (c *Chain) Advance(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := 0
	for range n {
		if c.step() {
			made++
		}
	}
	return made
}

// Elapse lets time pass in which nothing happens.
func (c *Chain) Elapse(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.elapsed += d
}

// Run makes a height at each tick of the real clock, until ctx ends: for tests whose
// subject runs by itself. The chain's own time goes on by BlockTime each.
func (c *Chain) Run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.Advance(1)
		case <-ctx.Done():
			return
		}
	}
}

// step is one height, or one failed view. Callers hold mu.
func (c *Chain) step() bool {
	c.elapsed += c.opt.BlockTime
	c.view++
	var live, total uint64
	for i := range c.set {
		total += c.set[i].power
		if c.voter(c.set[i].identity) != nil {
			live += c.set[i].power
		}
	}
	if total == 0 || 3*live <= 2*total {
		c.failedViews++
		return false
	}
	c.height++
	c.failedViews, c.finalAt = 0, c.elapsed
	c.timeMs = startMs + uint64(c.elapsed.Milliseconds())
	c.vote()
	for _, n := range c.nodes {
		if n.halt > 0 && n.halt <= c.height {
			n.up, n.halt = false, 0
		}
	}
	ends := c.execute()
	if ends {
		c.epoch++
		c.view, c.newcomer = 0, false
		c.refreshSet()
	}
	return true
}

// voter is the node that votes with an identity, or nil.
func (c *Chain) voter(identity ledger.ID) *Node {
	for _, n := range c.nodes {
		if n.identityLocked() == identity && n.up && n.synced && n.suspended == "" && !n.mute {
			return n
		}
	}
	return nil
}

// vote has every node that runs see who votes for the present height.
func (c *Chain) vote() {
	for i := range c.set {
		from := c.voter(c.set[i].identity)
		if from == nil {
			continue
		}
		for _, n := range c.nodes {
			if n.up && !n.blind[c.set[i].identity] {
				n.seen[c.set[i].identity] = vote{height: c.height, at: c.elapsed}
			}
		}
	}
}

// execute runs what waits and reports whether the epoch ends.
func (c *Chain) execute() (ends bool) {
	waiting := c.waiting
	c.waiting = nil
	for _, p := range waiting {
		t, err := ledger.Decode(p.tx)
		if err != nil {
			panic(err) // it was decoded when it was submitted
		}
		if t.Body.ValidUntil != 0 && t.Body.ValidUntil < c.height {
			continue // never executed, as in a pool
		}
		r := c.ledger.apply(t, c.block())
		ends = ends || r.endsEpoch
		c.newcomer = c.newcomer || r.newcomer
		c.executed[p.hash] = &chain.Execution{Final: true, Height: c.height, Code: r.code, Log: r.log}
	}
	return ends
}

func (c *Chain) block() block {
	return block{height: c.height, timeMs: c.timeMs, newcomer: c.newcomer, genesis: c.opt.Genesis}
}

// refreshSet begins an epoch with who is active.
func (c *Chain) refreshSet() {
	c.set = c.set[:0:0]
	for _, name := range c.ledger.order {
		v := c.ledger.validators[name]
		if v.Status == ledger.StatusActive {
			c.set = append(c.set, setMember{name: name, identity: v.Identity, key: v.ConsensusKey, power: v.Power, moniker: v.Moniker})
		}
	}
}

// SetPower sets a validator's power past all rules, from the next height on. Without power
// it is a candidate.
func (c *Chain) SetPower(name ledger.ID, power uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.ledger.validators[name]
	v.Status, v.Power = ledger.StatusActive, power
	if power == 0 {
		v.Status = ledger.StatusCandidate
	}
	c.epoch++
	c.refreshSet()
}

// Jail takes a validator out of the set as evidence does.
func (c *Chain) Jail(name ledger.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.ledger.validators[name]
	v.Status, v.Ready, v.Rotated, v.JailedEpoch, v.Since, v.Power = ledger.StatusJailed, false, 0, c.epoch, c.height, 0
	c.epoch++
	c.refreshSet()
}
