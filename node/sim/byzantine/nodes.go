package byzantine

import (
	"bytes"
	"errors"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// badSync answers requests with what was not asked for, with a part of it, with more
// than is allowed, or never.
func badSync(p *puppet, protocol p2p.Protocol, honest func() ([]byte, error)) ([]byte, error) {
	p.did()
	answer, err := honest()
	if err != nil {
		answer = nil
	}
	switch p.rng.IntN(7) {
	case 0: // flipped
		if answer = bytes.Clone(answer); len(answer) > 0 {
			answer[p.rng.IntN(len(answer))] ^= 1 << p.rng.IntN(8)
		}
	case 1: // cut short
		answer = answer[:len(answer)/2]
	case 2: // endless: as much as anybody takes
		answer = bytes.Repeat([]byte{byte(p.rng.Uint32())}, min(protocol.MaxResponseBytes, 1<<20))
	case 3: // never
		p.k.w.Sleep(10 * protocol.Timeout)
	case 4: // another block
		if b, ok := pick(p, p.k.memory.blocks); ok {
			answer = wire.EncodeBlock(b)
		}
	case 5:
		return nil, nil
	case 6:
		return nil, errors.New("ask somebody else")
	}
	return answer, nil
}

// silence never answers.
func silence(p *puppet, protocol p2p.Protocol, _ func() ([]byte, error)) ([]byte, error) {
	p.did()
	p.k.w.Sleep(10 * protocol.Timeout)
	return nil, errors.New("silent")
}

// oldMessages sends again what anybody sent before: of views and epochs that are over.
func oldMessages(p *puppet) {
	data, ok := pick(p, p.k.memory.messages)
	if !ok || p.rng.IntN(2) == 0 {
		return
	}
	m, err := wire.DecodeMessage(data)
	if err != nil {
		return
	}
	p.did()
	p.some(m)
	if start, ok := pick(p, p.k.memory.starts); ok && p.rng.IntN(4) == 0 {
		p.some(types.Message{EpochStart: start})
	}
}

// amnesiac is a vote log that keeps nothing.
type amnesiac struct {
	engine.VoteLog
	p *puppet
}

// Append implements engine.VoteLog.
func (a amnesiac) Append(votelog.Record) error {
	a.p.k.w.Sleep(time.Millisecond)
	return nil
}

// forget ends the node now and then: it begins anew and knows of no vote.
func forget(p *puppet) {
	if p.rng.IntN(60) == 0 {
		p.did()
		p.node.Crash()
	}
}

// sides lets each of two twins talk to a part of the others, which changes.
func sides(p *puppet, to int, m types.Message) []types.Message {
	period := uint64(p.k.w.Elapsed() / (2 * time.Second))
	first := p.index == p.validator
	if (uint64(to)*7+period*5)%3 == 0 { // both talk to it
		return one(m)
	}
	if ((uint64(to)>>(period%3))+period)%2 == 0 == first {
		p.did()
		return one(m)
	}
	return nil
}
