package engine

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Evidence is checked at this rate at most, whoever brings it: a set of an old
// epoch may have to be read for it.
const (
	evidencePerSecond = 50
	evidenceBurst     = 200
)

// Sets of epochs that are not at hand are read and their keys expanded for gossip at
// this rate at most: that is dear, and anybody can name any epoch.
const (
	setsPerSecond = 0.5
	setsBurst     = 4
)

// evidenceAgain is how long after evidence was passed on it is passed on again
// while no final block holds it: longer than gossip remembers what it has seen.
const evidenceAgain = 3 * time.Minute

// evidenceGossip passes evidence on between nodes, whether they vote or not.
type evidenceGossip struct {
	e       *Engine
	limiter *rate.Limiter
	sets    *rate.Limiter // of sets that are not at hand
	heard   <-chan p2p.Message
}

func newEvidenceGossip(e *Engine) *evidenceGossip {
	return &evidenceGossip{e: e, limiter: rate.NewLimiter(evidencePerSecond, evidenceBurst),
		sets: rate.NewLimiter(setsPerSecond, setsBurst)}
}

func (g *evidenceGossip) serve() (err error) {
	if g.heard, err = g.e.cfg.Transport.Subscribe(p2p.TopicEvidence, g.judge); err != nil {
		return fmt.Errorf("listen to evidence: %w", err)
	}
	return nil
}

// judge verifies evidence before it is passed on, and keeps it. What brings
// nothing new goes no further: so the gossip about an offender ends when a final
// block holds evidence against it.
func (g *evidenceGossip) judge(_ context.Context, _ p2p.PeerID, data []byte) p2p.Verdict {
	ev, err := types.DecodeEvidence(data)
	if err != nil {
		return p2p.Reject
	}
	present := g.e.Status().Consensus.Epoch
	if ev.Epoch > present || ev.Epoch+evidenceEpochs <= present || !g.limiter.AllowN(g.e.tasks.Now(), 1) {
		return p2p.Ignore
	}
	if known, err := g.e.cfg.Store.KnownEvidence(types.SumHash(data)); err != nil || known {
		return p2p.Ignore
	}
	set := g.e.sets.at(ev.Epoch)
	if set == nil {
		if !g.sets.AllowN(g.e.tasks.Now(), 1) {
			return p2p.Ignore // gossip brings it again. evidenceAgain
		}
		if set, err = g.e.sets.of(ev.Epoch); err != nil {
			return p2p.Ignore
		}
	}
	if !g.e.evidence.wanted(ev, &set.Epoch) {
		return p2p.Ignore
	}
	if set.VerifyEvidence(ev) != nil {
		return p2p.Reject
	}
	if !g.e.evidence.add(ev, &set.Epoch) {
		return p2p.Ignore
	}
	g.e.log.Warn("evidence of a validator that broke the rules", "epoch", ev.Epoch, "validator", ev.Validator, "kind", ev.Kind, "from", "gossip")
	return p2p.Accept
}

// run tells the loop of what was heard, and passes on again what is still held.
func (g *evidenceGossip) run() {
	again := g.e.tasks.Timer()
	defer again.Stop()
	again.Reset(evidenceAgain)
	for open := true; ; {
		switch task.Select3(g.e.tasks, task.Done(g.e.ctx), task.RecvOpen(g.heard, nil, &open), task.Fired(again)) {
		case 0:
			return
		case 1:
			if !open {
				return
			}
			g.e.postCall(g.e.tellWork)
		case 2:
			again.Reset(evidenceAgain)
			for _, encoded := range g.e.evidence.all() {
				g.publish(encoded)
			}
		}
	}
}

// found keeps and passes on what the core has found and verified.
func (g *evidenceGossip) found(ev *types.Evidence) {
	set, err := g.e.sets.of(ev.Epoch)
	if err != nil {
		g.e.log.Error("evidence of an epoch that is not known here", "epoch", ev.Epoch, "error", err)
		return
	}
	// After a restart the same votes may be found again: a block with known evidence
	// gets no vote.
	known, err := g.e.cfg.Store.KnownEvidence(types.SumHash(ev.Encode()))
	if err != nil {
		g.e.fail(fmt.Errorf("look up evidence: %w", err))
		return
	}
	if known || !g.e.evidence.add(ev, &set.Epoch) {
		return
	}
	g.e.log.Warn("evidence of a validator that broke the rules", "epoch", ev.Epoch, "validator", ev.Validator, "kind", ev.Kind, "from", "votes")
	g.publish(ev.Encode())
}

func (g *evidenceGossip) publish(encoded []byte) {
	if err := g.e.cfg.Transport.Publish(p2p.TopicEvidence, encoded); err != nil {
		g.e.log.Debug("evidence not passed on", "error", err)
	}
}
