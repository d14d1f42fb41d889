package engine

import (
	"slices"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// loop is the one goroutine that steps the core.
func (e *Engine) loop() {
	var it item
	for {
		switch task.Select3(e.tasks, task.Done(e.ctx), task.Recv(e.inbox, &it), task.Recv(e.cfg.Pool.Notify(), nil)) {
		case 0:
			return
		case 1:
			if it.call != nil {
				it.call()
				continue
			}
			e.step(it.event)
		case 2:
			e.poolGrew()
		}
	}
}

func (e *Engine) step(ev consensus.Event) {
	now := e.cfg.Clock.Now()
	e.watchClock(now)
	switch ev := ev.(type) {
	case consensus.BlockBuilt:
		// A block that comes later takes nothing back: the core still takes it that nothing
		// waits, until it is told again.
		e.builtNone = e.builtNone || ev.Block == nil
	case consensus.EpochReady:
		// Who has signed nothing yet must ask those of the epoch that it signs in
		// first: the epochs that it passed through may be long over. rule: own-echo
		if e.cfg.Signer != nil && !e.writer.signed.Load() {
			e.echo.hold("own-echo: a quorum of the epoch's validators has not answered yet")
		}
	}
	e.traceReceived(ev)
	if r, ok := ev.(consensus.Received); ok && r.Message.Commit != nil {
		e.noteVote(r.From, r.Message.Commit)
	}
	effects := e.core.Step(now, ev)
	e.carryOut(effects)
	e.publishStatus()
	e.left.look(e.epochs[e.epoch], e.core.Status().EpochFinal)
	if _, ok := ev.(consensus.Synced); ok {
		e.worker.synced()
	}
	// Only now: a step between two effects would put its own before the later
	// ones, and an older state over a newer. // rule: persist-first
	if slices.ContainsFunc(effects, isEvidence) {
		e.tellWork()
	}
}

// noteVote tells of a commit vote that its validator sent itself (this node's own
// come from nobody). What it says of itself harms nobody else. // rule: seen
func (e *Engine) noteVote(from consensus.Peer, vote *types.SignedCommit) {
	epoch := e.epochs[vote.Epoch]
	if epoch == nil || int64(vote.Validator) >= int64(len(epoch.Validators)) {
		return
	}
	key := epoch.Validators[vote.Validator].NetworkKey
	if from == (consensus.Peer{}) || from == consensus.Peer(key) {
		e.cfg.Observer.Voted(key, vote)
	}
}

func isEvidence(effect consensus.Effect) bool {
	_, ok := effect.(consensus.EvidenceFound)
	return ok
}

// poolGrew tells the core of what has come, if it does not know that something waits.
func (e *Engine) poolGrew() {
	if !e.told || e.builtNone {
		e.tellWork()
	}
}

// tellWork tells the core whether something waits to be proposed. // rule: idle
func (e *Engine) tellWork() {
	height := e.core.Status().FinalHeight + 1
	waiting := e.cfg.Pool.Waiting(height, e.worker.inFlight) || e.evidence.waiting(e.cfg.Clock.Now().MonoMs, e.worker.evidenceInFlight)
	if waiting == e.told && !(waiting && e.builtNone) {
		return
	}
	e.told = waiting
	if waiting {
		e.builtNone = false
	}
	e.step(consensus.WorkWaiting{Waiting: waiting})
}

// read decodes what peers send on one channel, off the loop: a block of two
// megabytes is hashed here.
func (e *Engine) read(messages <-chan p2p.Message) {
	var m p2p.Message
	for open := true; ; {
		if task.Select2(e.tasks, task.Done(e.ctx), task.RecvOpen(messages, &m, &open)) == 0 || !open {
			return
		}
		message, err := wire.DecodeMessage(m.Data)
		if err != nil {
			e.cfg.Transport.Penalise(m.From, "message does not decode: "+err.Error())
			continue
		}
		e.post(consensus.Received{From: consensus.Peer(m.From), Message: message})
	}
}

// transmit sends a signed message: blocks and what is too large for the votes'
// stream by the blocks' stream. to nil: to all validators.
func (e *Engine) transmit(message *types.Message, to *p2p.PeerID) {
	data := wire.EncodeMessage(message)
	var err error
	large := len(data) > p2p.MaxVoteBytes || (message.Proposal != nil && message.Proposal.Block != nil)
	switch {
	case to == nil && large:
		err = e.cfg.Transport.MulticastBlock(data)
	case to == nil:
		err = e.cfg.Transport.MulticastVotes(data)
	case large:
		err = e.cfg.Transport.SendBlock(*to, data)
	default:
		err = e.cfg.Transport.SendVotes(*to, data)
	}
	if err != nil {
		e.log.Debug("message not sent", "error", err)
	}
}
