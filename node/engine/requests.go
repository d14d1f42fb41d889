package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// The requests that engines make of each other. Integers are little-endian.
var (
	// protocolBlock: block id -> block.
	protocolBlock = p2p.Protocol{Name: "block/1", MaxRequestBytes: 32, MaxResponseBytes: types.MaxBlockBytes + 1<<20,
		Timeout: 5 * time.Second, RatePerSecond: 200, Burst: 400, Concurrent: 16}
	// protocolAsk: epoch, view -> nothing; what led there comes as messages.
	protocolAsk = p2p.Protocol{Name: "ask/1", MaxRequestBytes: 16, MaxResponseBytes: 16,
		Timeout: 2 * time.Second, RatePerSecond: 50, Burst: 100, Concurrent: 64}
	// protocolEpochs: first epoch -> epoch starts, length-prefixed.
	protocolEpochs = p2p.Protocol{Name: "epochs/1", MaxRequestBytes: 8, MaxResponseBytes: 4 << 20,
		Timeout: 5 * time.Second, RatePerSecond: 10, Burst: 20, Concurrent: 8}
	// protocolEcho: epoch, epoch of the vote log, consensus key -> newest signed messages of that key.
	protocolEcho = p2p.Protocol{Name: "echo/1", MaxRequestBytes: 16 + types.MaxConsensusKey, MaxResponseBytes: 1 << 20,
		Timeout: 2 * time.Second, RatePerSecond: 20, Burst: 40, Concurrent: 64}
)

// maxEpochsAnswered bounds one answer of epoch certificates.
const maxEpochsAnswered = 64

// serve registers what this node answers.
func (e *Engine) serve() error {
	for _, s := range []struct {
		protocol p2p.Protocol
		handler  p2p.RequestHandler
	}{
		{protocolBlock, e.serveBlock},
		{protocolAsk, e.serveAsk},
		{protocolEpochs, e.serveEpochs},
		{protocolEcho, e.serveEcho},
	} {
		if err := e.cfg.Transport.Handle(s.protocol, s.handler); err != nil {
			return fmt.Errorf("serve %s: %w", s.protocol.Name, err)
		}
	}
	if err := e.accusing.serve(); err != nil {
		return err
	}
	return e.sync.serve()
}

var errNoBlock = errors.New("block is not here")

func (e *Engine) serveBlock(ctx context.Context, _ p2p.PeerID, request []byte) ([]byte, error) {
	id, err := types.HashFromBytes(request)
	if err != nil {
		return nil, err
	}
	var block *types.Block
	if err := e.call(ctx, func() { block = e.core.Block(id) }); err != nil {
		return nil, err
	}
	if block == nil {
		if block, err = e.cfg.Store.BlockByID(id); err != nil || block == nil {
			return nil, errNoBlock
		}
	}
	return wire.EncodeBlock(block), nil
}

// Bounds of the requests for bodies that are under way at one time. The core asks
// again at each resend interval, and peers may let a request run into its timeout.
const (
	maxFetches      = 64
	maxFetchesBlock = 4
)

// fetches counts the requests for bodies under way.
type fetches struct {
	mu    sync.Mutex
	all   int
	block map[types.Hash]int
}

// begin answers how many are under way for a block already, false: enough are.
func (f *fetches) begin(id types.Hash) (before int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before = f.block[id]
	if before >= maxFetchesBlock || f.all >= maxFetches {
		return before, false
	}
	if f.block == nil {
		f.block = map[types.Hash]int{}
	}
	f.all++
	f.block[id]++
	return before, true
}

func (f *fetches) end(id types.Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if f.block[id]--; f.block[id] == 0 {
		delete(f.block, id)
	}
}

// fetchBlock asks peers, one after another, for a block that the core lacks. While
// an earlier question waits for a peer, the next one begins with another.
// // rule: catch-up
func (e *Engine) fetchBlock(f consensus.FetchBlock) {
	before, ok := e.fetching.begin(f.ID)
	if !ok {
		return
	}
	defer e.fetching.end(f.ID)
	from := f.From
	if len(from) == 0 {
		for _, p := range e.cfg.Transport.Peers() {
			from = append(from, consensus.Peer(p.ID))
		}
	}
	for i := range from {
		if e.ctx.Err() != nil {
			return
		}
		peer := from[(i+before)%len(from)]
		id := p2p.PeerID(peer)
		answer, err := e.cfg.Transport.Request(e.ctx, id, protocolBlock, f.ID[:])
		if err != nil {
			continue
		}
		block, err := wire.DecodeBlock(answer)
		if err != nil || block.ID() != f.ID {
			e.cfg.Transport.Penalise(id, "block asked for by id does not match it")
			continue
		}
		e.post(consensus.BlockFetched{From: peer, Block: block})
		return
	}
}

func (e *Engine) askCertificates(f consensus.AskCertificates) {
	request := binary.LittleEndian.AppendUint64(nil, f.Epoch)
	request = binary.LittleEndian.AppendUint64(request, f.View)
	if _, err := e.cfg.Transport.Request(e.ctx, p2p.PeerID(f.Peer), protocolAsk, request); err != nil {
		e.log.Debug("certificates not asked for", "peer", p2p.PeerID(f.Peer).Short(), "error", err)
	}
}

func (e *Engine) serveAsk(_ context.Context, from p2p.PeerID, request []byte) ([]byte, error) {
	if len(request) != 16 {
		return nil, fmt.Errorf("request of %d bytes, want 16", len(request))
	}
	e.post(consensus.CertificatesAsked{From: consensus.Peer(from),
		Epoch: binary.LittleEndian.Uint64(request), View: binary.LittleEndian.Uint64(request[8:])})
	return nil, nil
}

func (e *Engine) askEpochs(f consensus.AskEpochs) {
	request := binary.LittleEndian.AppendUint64(nil, f.From)
	answer, err := e.cfg.Transport.Request(e.ctx, p2p.PeerID(f.Peer), protocolEpochs, request)
	if err != nil {
		e.log.Debug("epochs not asked for", "peer", p2p.PeerID(f.Peer).Short(), "error", err)
		return
	}
	starts, err := splitPrefixed(answer, maxEpochsAnswered)
	if err != nil {
		e.cfg.Transport.Penalise(p2p.PeerID(f.Peer), "epochs: "+err.Error())
		return
	}
	for _, encoded := range starts {
		start, err := wire.DecodeEpochStart(encoded)
		if err != nil {
			e.cfg.Transport.Penalise(p2p.PeerID(f.Peer), "epochs: "+err.Error())
			return
		}
		e.post(consensus.Received{From: f.Peer, Message: types.Message{EpochStart: start}})
	}
}

func (e *Engine) serveEpochs(_ context.Context, _ p2p.PeerID, request []byte) ([]byte, error) {
	if len(request) != 8 {
		return nil, fmt.Errorf("request of %d bytes, want 8", len(request))
	}
	from := max(1, binary.LittleEndian.Uint64(request))
	var answer []byte
	for number := from; number-from < maxEpochsAnswered; number++ {
		start, err := e.cfg.Store.EpochStart(number)
		if err != nil || start == nil {
			break
		}
		encoded := wire.EncodeEpochStart(start)
		if len(answer)+len(encoded)+4 > protocolEpochs.MaxResponseBytes {
			break
		}
		answer = appendPrefixed(answer, encoded)
	}
	return answer, nil
}

// answerEpoch sends an epoch's certificate. // rule: epoch-answer
func (e *Engine) answerEpoch(f consensus.AnswerEpoch) {
	start, err := e.cfg.Store.EpochStart(f.Epoch)
	if err != nil || start == nil {
		return
	}
	to := p2p.PeerID(f.Peer)
	e.transmit(&types.Message{EpochStart: start}, &to)
}

func appendPrefixed(dst, item []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(item)))
	return append(dst, item...)
}

// splitPrefixed splits what appendPrefixed joined: at most limit items.
func splitPrefixed(b []byte, limit int) ([][]byte, error) {
	var items [][]byte
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, errors.New("cut short")
		}
		n := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(n) > uint64(len(b)) {
			return nil, errors.New("cut short")
		}
		if len(items) == limit {
			return nil, fmt.Errorf("more than %d items", limit)
		}
		items = append(items, b[:n])
		b = b[n:]
	}
	return items, nil
}
