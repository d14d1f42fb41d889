package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// maxEchoMessages bounds one answer.
const maxEchoMessages = 32

// Bounds of what is looked through for one answer: what the store holds matters
// where all who saw a vote were started again since.
const (
	echoEpochs = 64
	echoEach   = 64 // each of the last heights
	echoSpans  = 64 // then one of each echoSpan heights
	echoSpan   = 16
)

// serveEcho answers with what this node holds, in whatever state it is itself: the
// newest messages in memory, and the newest certificate in the store with a vote
// of the key. // rule: own-echo
func (e *Engine) serveEcho(ctx context.Context, from p2p.PeerID, request []byte) ([]byte, error) {
	if len(request) < 16 {
		return nil, fmt.Errorf("request of %d bytes, want at least 16", len(request))
	}
	epoch, since, key := binary.LittleEndian.Uint64(request), binary.LittleEndian.Uint64(request[8:]), request[16:]
	var messages []types.Message
	var present uint64
	if err := e.call(ctx, func() { messages, present = e.core.Newest(epoch, consensus.Peer(from), key), e.epoch }); err != nil {
		return nil, err
	}
	if cc := e.newestStored(from, key, since, present); cc != nil {
		messages = append(messages, types.Message{CC: cc})
	}
	var answer []byte
	for i := range messages { // far fewer than maxEchoMessages
		answer = appendPrefixed(answer, wire.EncodeMessage(&messages[i]))
	}
	return answer, nil
}

// newestStored is the newest certificate in the store that holds a commit vote of
// an instance in an epoch from since to present: among the last heights, or one
// that ended an epoch. Nil: none was found.
func (e *Engine) newestStored(instance p2p.PeerID, key []byte, since, present uint64) *types.CC {
	var newest *types.CC
	better := func(cc *types.CC) bool {
		return newest == nil || cc.Epoch > newest.Epoch || cc.Epoch == newest.Epoch && cc.View > newest.View
	}
	height := e.cfg.Store.Tip()
	for i := range echoEach + echoSpans {
		cc, err := e.cfg.Store.Certificate(height)
		if err != nil || cc.Epoch < since {
			break
		}
		if e.signedIn(cc, instance, key) && better(cc) {
			newest = cc
			break
		}
		step := uint64(1)
		if i >= echoEach {
			step = echoSpan
		}
		if height <= step {
			break
		}
		height -= step
	}
	for number := present + 1; number > max(since, 1) && number+echoEpochs > present; number-- {
		start, err := e.cfg.Store.EpochStart(number)
		if err != nil || start == nil || start.Certificate == nil || start.Certificate.Epoch < since {
			continue
		}
		if e.signedIn(start.Certificate, instance, key) {
			if better(start.Certificate) {
				newest = start.Certificate
			}
			break
		}
	}
	return newest
}

// signedIn reports whether a stored certificate holds the vote of an instance.
func (e *Engine) signedIn(cc *types.CC, instance p2p.PeerID, key []byte) bool {
	set, err := e.sets.of(cc.Epoch)
	if err != nil {
		return false
	}
	i, ok := set.Epoch.IndexOfNetworkKey(instance)
	if !ok || !bytes.Equal(set.Epoch.Validators[i].ConsensusKey, key) {
		return false
	}
	signers := cc.Commits.Signers
	return i/8 < len(signers) && signers[i/8]>>(i%8)&1 == 1
}
