//go:build equivocate

package node

import (
	"fmt"
	"os"
	"sync"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// Environment of a validator that cheats: what it does, and the file whose
// presence makes it begin.
const (
	equivocateEnv  = "BEDROCK_EQUIVOCATE"      // proposals, prepares, commits or amnesia
	equivocateWhen = "BEDROCK_EQUIVOCATE_WHEN" // path
)

// liar sends, beside each message of the kind chosen, a second one that no honest
// validator signs. It is in no program but the one that tests build.
type liar struct {
	*p2p.Network
	signer *signer.Signer
	kind   string
	when   string

	mu sync.Mutex
	qc *types.QC // of an own proposal: valid, and of an older view soon
}

func (n *Node) transport() engine.Transport {
	kind := os.Getenv(equivocateEnv)
	if kind == "" {
		return n.network
	}
	n.log.Warn("this validator will sign twice", "kind", kind)
	return &liar{Network: n.network, signer: n.signer, kind: kind, when: os.Getenv(equivocateWhen)}
}

// MulticastVotes implements engine.Transport.
func (l *liar) MulticastVotes(data []byte) error { return l.lie(data, l.Network.MulticastVotes) }

// MulticastBlock implements engine.Transport.
func (l *liar) MulticastBlock(data []byte) error { return l.lie(data, l.Network.MulticastBlock) }

func (l *liar) lie(data []byte, multicast func([]byte) error) error {
	if err := multicast(data); err != nil {
		return err
	}
	m, err := wire.DecodeMessage(data)
	if err != nil {
		return fmt.Errorf("decode what this node sends: %w", err)
	}
	if m.Proposal != nil && m.Proposal.QC != nil {
		l.mu.Lock()
		l.qc = m.Proposal.QC
		l.mu.Unlock()
	}
	if _, err := os.Stat(l.when); err != nil {
		return nil
	}
	other, ok := l.other(&m)
	if !ok {
		return nil
	}
	return multicast(wire.EncodeMessage(&other))
}

// other is the second message of what was sent.
func (l *liar) other(m *types.Message) (types.Message, bool) {
	switch {
	case l.kind == "proposals" && m.Proposal != nil && m.Proposal.Block != nil:
		p := *m.Proposal
		block := types.Block{Header: p.Block.Header, Payload: p.Block.Payload, Evidence: p.Block.Evidence}
		block.Header.TimestampMs++
		p.Block, p.BlockID = &block, block.ID()
		return l.signer.SignAnything(p.Epoch, types.Message{Proposal: &p}), true
	case l.kind == "prepares" && m.Prepare != nil:
		v := *m.Prepare
		v.Vote.Block[0] ^= 1
		return l.signer.SignAnything(v.Epoch, types.Message{Prepare: &v}), true
	case l.kind == "commits" && m.Commit != nil:
		v := *m.Commit
		v.Vote.Outcome[0] ^= 1
		return l.signer.SignAnything(v.Epoch, types.Message{Commit: &v}), true
	case l.kind == "amnesia" && m.Commit != nil:
		l.mu.Lock()
		defer l.mu.Unlock()
		c := m.Commit
		if l.qc == nil || l.qc.Epoch != c.Epoch || l.qc.View >= c.Vote.View {
			return types.Message{}, false
		}
		t := types.SignedTimeout{Epoch: c.Epoch, Validator: c.Validator, Vote: types.Timeout{View: c.Vote.View, HighView: l.qc.View}, High: *l.qc}
		return l.signer.SignAnything(c.Epoch, types.Message{Timeout: &t}), true
	}
	return types.Message{}, false
}
