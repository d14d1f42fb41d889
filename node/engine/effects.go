package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// carryOut does what the core asks for, in its order. What signs goes through
// the writer; the rest depends on nothing and goes at once.
func (e *Engine) carryOut(effects []consensus.Effect) {
	for _, effect := range effects {
		e.carryOutOne(effect)
	}
}

func (e *Engine) carryOutOne(effect consensus.Effect) {
	switch f := effect.(type) {
	case consensus.Persist:
		e.writer.persist(f)
	case consensus.Sign:
		e.writer.sign(f.Message, e.epochs[f.Message.Epoch()])
	case consensus.EnterEpoch:
		e.enterEpoch(f)
	case consensus.Multicast:
		e.transmit(&f.Message, nil)
	case consensus.Send:
		to := p2p.PeerID(f.To)
		e.transmit(&f.Message, &to)
	case consensus.BuildBlock:
		e.worker.build(f, e.epochs[f.Epoch])
	case consensus.VerifyBlock:
		e.worker.verify(f, e.epochs[f.Block.Header.Epoch])
	case consensus.ExecuteBlock:
		e.worker.execute(f, e.epochs[f.Block.Header.Epoch])
	case consensus.Finalize:
		e.committer.finalize(f)
	case consensus.PrepareEpoch:
		e.prepareEpoch(f)
	case consensus.WakeAt:
		e.wakeAt(f.MonoMs)
	case consensus.DropBlocks:
		e.worker.drop(f.IDs)
	default:
		e.carryOutTalk(effect)
	}
}

// carryOutTalk does the effects that only ask, answer or report.
func (e *Engine) carryOutTalk(effect consensus.Effect) {
	switch f := effect.(type) {
	case consensus.FetchBlock:
		e.goRun("fetch a block", func() { e.fetchBlock(f) })
	case consensus.AskCertificates:
		e.goRun("ask for certificates", func() { e.askCertificates(f) })
	case consensus.AskEpochs:
		e.goRun("ask for epochs", func() { e.askEpochs(f) })
	case consensus.AnswerEpoch:
		e.goRun("answer an epoch", func() { e.answerEpoch(f) })
	case consensus.SyncNeeded:
		e.sync.needed(f)
	case consensus.Alarm:
		e.log.Warn("alarm", "kind", f.Kind, "epoch", f.Epoch, "view", f.View, "block", f.Block, "detail", f.Detail)
		e.cfg.Observer.Alarm(f)
	case consensus.StopSigning:
		e.stopSigning(f)
	case consensus.ReportPeer:
		e.cfg.Transport.Penalise(p2p.PeerID(f.Peer), f.Reason)
	case consensus.EvidenceFound:
		e.accusing.found(&f.Evidence) // step tells the core
	case consensus.EnteredView:
		e.cfg.Observer.View(f)
	default:
		e.log.Error("effect is not known", "effect", effect)
	}
}

func (e *Engine) wakeAt(mono uint64) {
	if e.wake != nil {
		e.wake()
	}
	e.wake = e.cfg.Clock.After(mono, func() { e.post(consensus.Tick{}) })
}

// enterEpoch follows the core into an epoch, once its Persist is durable.
func (e *Engine) enterEpoch(f consensus.EnterEpoch) {
	epoch := f.Epoch
	e.remember(&epoch)
	e.epoch = epoch.Number
	e.worker.forgetEpoch(epoch.Number)
	e.evidence.entered(epoch.Number)
	e.writer.then(func() {
		e.log.Info("entered epoch", "epoch", epoch.Number, "validators", len(epoch.Validators), "member", f.Member)
		e.postCall(func() {
			e.announceValidators()
			if f.Member {
				e.echo.askAnew()
			}
			e.tellWork() // what the old epoch's last blocks held waits again
		})
	})
}

func (e *Engine) prepareEpoch(f consensus.PrepareEpoch) {
	next := f.Next
	e.remember(&next)
	e.announceValidators()
	e.goRun("prepare an epoch", func() {
		if err := e.committer.waitSynced(f.Certificate.Outcome.Height); err != nil {
			return
		}
		if err := e.awaitExecutor(&next); err != nil {
			return
		}
		e.post(consensus.EpochReady{Number: next.Number})
	})
}

// prepareRetry is how long after the next executor was not at hand it is looked
// for again: a person may bring it at any time.
const prepareRetry = 2 * time.Second

// awaitExecutor waits until the executor of an epoch is at hand. An epoch that this
// program cannot follow ends it: what it does not know it must not guess.
func (e *Engine) awaitExecutor(next *types.Epoch) error {
	for told := false; ; told = true {
		err := e.cfg.Executor.Prepare(e.ctx, next)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrCannotFollow):
			err = fmt.Errorf("epoch %d (executor %s, engine %d) begins: %w", next.Number, next.ExecutorHash, next.Engine, err)
			e.fail(err)
			return err
		case !told:
			e.log.Error("the next executor is not at hand: this node waits for it before the next epoch", "epoch", next.Number,
				"executor", next.ExecutorHash, "error", err, "do", "add the module: bedrock executor add FILE.wasm --admin URL")
		}
		if e.tasks.Sleep(e.ctx, prepareRetry) != nil {
			return errStopped
		}
	}
}

// stopSigning is durable before anything else, so that a restart does not lift
// it. // rule: commit
func (e *Engine) stopSigning(f consensus.StopSigning) {
	e.log.Error("state divergence: this node signs nothing more", "reason", f.Reason, "block", f.Block,
		"own_outcome", f.Own.Hash(), "certified_outcome", f.Theirs.Hash())
	if e.cfg.OnStopSigning != nil {
		if err := e.cfg.OnStopSigning(f); err != nil {
			e.fail(err)
			return
		}
	}
	e.cfg.Observer.Stopped(f)
}

// postCall queues f for the loop without waiting for it.
func (e *Engine) postCall(f func()) {
	task.Select2(e.tasks, task.Send(e.inbox, item{call: f}), task.Done(e.ctx))
}

// blockInFlight is what the worker remembers of a block above the last final one.
type blockInFlight struct {
	txs      map[types.Hash]struct{}
	evidence map[types.Hash]struct{}
}
