package byzantine

import (
	"context"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// echo is the request by which a node learns what its key signed before.
const echo = "echo/1"

// mask is the network as a puppet's engine sees it.
type mask struct {
	engine.Transport
	p *puppet
}

// leave lets what the engine sends leave as the conduct says.
func (x *mask) leave(data []byte, to ...int) {
	m, err := wire.DecodeMessage(data)
	if err != nil {
		return // an engine sends what decodes
	}
	for _, node := range to {
		for _, out := range x.p.out(node, m) {
			x.p.send(node, out)
		}
	}
}

// others are the nodes that a multicast goes to: those of the present validators.
func (x *mask) others() (to []int) {
	for i := range x.p.k.w.Plan().Nodes {
		to = append(to, i)
	}
	for i, v := range x.p.k.twins {
		if v != x.p.validator {
			to = append(to, x.p.k.w.Plan().Nodes+i)
		}
	}
	return to
}

// bodies are the nodes of one identity.
func (x *mask) bodies(id p2p.PeerID) (to []int) {
	for _, i := range x.others() {
		if x.p.k.w.Node(i).ID() == id {
			to = append(to, i)
		}
	}
	return to
}

// MulticastVotes implements engine.Transport.
func (x *mask) MulticastVotes(data []byte) error {
	x.leave(data, x.others()...)
	return nil
}

// MulticastBlock implements engine.Transport.
func (x *mask) MulticastBlock(data []byte) error { return x.MulticastVotes(data) }

// SendVotes implements engine.Transport.
func (x *mask) SendVotes(to p2p.PeerID, data []byte) error {
	x.leave(data, x.bodies(to)...)
	return nil
}

// SendBlock implements engine.Transport.
func (x *mask) SendBlock(to p2p.PeerID, data []byte) error { return x.SendVotes(to, data) }

// Publish implements engine.Transport.
func (x *mask) Publish(topic p2p.Topic, data []byte) error {
	mute := false
	x.p.each(func(t *trait) { mute = mute || t.mute })
	if mute {
		return nil
	}
	return x.Transport.Publish(topic, data)
}

// Request implements engine.Transport. One that forgets, or runs twice, is told that it
// never signed.
func (x *mask) Request(ctx context.Context, to p2p.PeerID, protocol p2p.Protocol, request []byte) ([]byte, error) {
	if protocol.Name == echo && (x.p.base.forgets || x.p.base.twin) {
		return nil, nil
	}
	return x.Transport.Request(ctx, to, protocol, request)
}

// Handle implements engine.Transport.
func (x *mask) Handle(protocol p2p.Protocol, h p2p.RequestHandler) error {
	return x.Transport.Handle(protocol, func(ctx context.Context, from p2p.PeerID, request []byte) ([]byte, error) {
		honest := func() ([]byte, error) { return h(ctx, from, request) }
		answer := honest
		x.p.each(func(t *trait) {
			if t.answer != nil {
				name := x.p.acting
				answer = func() ([]byte, error) {
					x.p.acting = name
					return t.answer(x.p, protocol, honest)
				}
			}
		})
		return answer()
	})
}

// one is a message alone.
func one(m types.Message) []types.Message { return []types.Message{m} }
