package byzantine

import (
	"math/rand/v2"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// trait is one way to break the rules. A nil function does as an honest node.
type trait struct {
	// out is what leaves towards one node in place of a message of the node's own.
	out func(p *puppet, to int, m types.Message) []types.Message
	// act is called now and then while the node is up.
	act func(p *puppet)
	// saw hears what an honest node sends, once, whoever it is for.
	saw func(p *puppet, from int, m *types.Message)
	// answer replaces what the node answers to a request.
	answer func(p *puppet, protocol p2p.Protocol, honest func() ([]byte, error)) ([]byte, error)
	// mute: it gossips nothing and answers nothing.
	mute    bool
	forgets bool // its vote log keeps nothing
	twin    bool // it runs on two nodes
	mixes   bool // it wears others
}

// puppet is a Byzantine node.
type puppet struct {
	k         *kit
	index     int
	validator int
	name      string // of the conduct
	base      *trait
	worn      []string // what it does now, by name
	rng       *rand.Rand
	node      *sim.Node // since its first life
	favourite int       // the one node that it shows votes to
	acting    string    // whose function runs
}

func newPuppet(k *kit, index, validator int, name string) *puppet {
	p := &puppet{k: k, index: index, validator: validator, name: name, base: traits[name], worn: []string{name}}
	p.rng = k.w.Rand(name + string(rune('0'+index)))
	p.favourite = p.rng.IntN(k.w.Plan().Nodes)
	return p
}

// did counts something that the present conduct did.
func (p *puppet) did() { p.k.did(p.acting) }

// each calls f with every trait that is worn.
func (p *puppet) each(f func(t *trait)) {
	for _, name := range p.worn {
		p.acting = name
		f(traits[name])
	}
}

// mischief acts now and then, and changes what a mix wears and who is favoured.
func (p *puppet) mischief() {
	for {
		p.k.w.Sleep(time.Duration(5+p.rng.IntN(60)) * time.Millisecond)
		if p.rng.IntN(40) == 0 {
			p.favourite = p.rng.IntN(p.k.w.Plan().Nodes)
		}
		if p.base.mixes && (len(p.worn) == 1 || p.rng.IntN(30) == 0) {
			p.dress()
		}
		if p.node == nil || !p.node.Up() {
			continue
		}
		p.each(func(t *trait) {
			if t.act != nil {
				t.act(p)
			}
		})
	}
}

// dress changes what a mix wears.
func (p *puppet) dress() {
	p.worn = []string{p.name}
	names := Names()
	for range 1 + p.rng.IntN(4) {
		name := names[p.rng.IntN(len(names))]
		if t := traits[name]; !t.forgets && !t.twin && !t.mixes && name != hidden {
			p.worn = append(p.worn, name)
		}
	}
	p.k.did(p.name)
}

func (p *puppet) see(from int, m *types.Message) {
	if p.node == nil || !p.node.Up() {
		return
	}
	p.each(func(t *trait) {
		if t.saw != nil {
			t.saw(p, from, m)
		}
	})
}

// out is what leaves towards one node in place of a message.
func (p *puppet) out(to int, m types.Message) []types.Message {
	list := []types.Message{m}
	p.each(func(t *trait) {
		if t.out == nil {
			return
		}
		var next []types.Message
		for _, m := range list {
			next = append(next, t.out(p, to, m)...)
		}
		list = next
	})
	return list
}

// self is its place in an epoch's set; false: it has none.
func (p *puppet) self(epoch uint64) (uint32, bool) {
	set := p.k.set(epoch)
	if set == nil || p.node == nil {
		return 0, false
	}
	i, ok := set.Epoch.IndexOfNetworkKey(p.node.ID())
	return uint32(i), ok
}

// own reports whether it signed a message itself.
func (p *puppet) own(m *types.Message) bool {
	self, ok := p.self(m.Epoch())
	if !ok {
		return false
	}
	switch {
	case m.Proposal != nil:
		return m.Proposal.Proposer == self
	case m.Prepare != nil:
		return m.Prepare.Validator == self
	case m.Commit != nil:
		return m.Commit.Validator == self
	case m.Timeout != nil:
		return m.Timeout.Validator == self
	}
	return false
}

// sign signs a message anew as the puppet's.
func (p *puppet) sign(m types.Message) types.Message {
	self, _ := p.self(m.Epoch())
	switch {
	case m.Proposal != nil:
		x := *m.Proposal
		x.Proposer = self
		x.Signature = p.node.Sign(x.Epoch, types.ProposalID{Kind: x.Kind, View: x.View, Block: x.BlockID})
		m.Proposal = &x
	case m.Prepare != nil:
		x := *m.Prepare
		x.Validator, x.Signature = self, p.node.Sign(x.Epoch, x.Vote)
		m.Prepare = &x
	case m.Commit != nil:
		x := *m.Commit
		x.Validator, x.Signature = self, p.node.Sign(x.Epoch, x.Vote)
		m.Commit = &x
	case m.Timeout != nil:
		x := *m.Timeout
		x.Validator, x.Signature = self, p.node.Sign(x.Epoch, x.Vote)
		m.Timeout = &x
	}
	return m
}

// send gives a message to the network, for one node.
func (p *puppet) send(to int, m types.Message) {
	if to == p.index || p.node == nil || !p.node.Up() {
		return
	}
	data := wire.EncodeMessage(&m)
	c := p2p.ChannelVotes
	if len(data) > p2p.MaxVoteBytes || m.Proposal != nil && m.Proposal.Block != nil {
		c = p2p.ChannelBlocks
	}
	p.node.Send(to, c, data)
}

// some sends to a random part of the honest.
func (p *puppet) some(m types.Message) {
	for _, to := range p.k.honest() {
		if p.rng.IntN(2) == 0 {
			p.send(to, m)
		}
	}
}

// mask puts the puppet between its node and the network.
func (p *puppet) mask(n *sim.Node, t engine.Transport) engine.Transport {
	p.node = n
	return &mask{Transport: t, p: p}
}
