package engine

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// echoInterval is how long after a round that reached no quorum the next begins.
const echoInterval = 250 * time.Millisecond

// echo asks the validators for the newest signatures of the own key before
// anything is signed. // rule: own-echo
type echo struct {
	e     *Engine
	asked chan struct{} // holds one token: ask about the present epoch

	foreign sync.Once // answers are judged side by side, the identity goes once

	// account is what answers are held against: the newest state that accounts
	// for whatever this instance signed. Nil: it signed nothing.
	account atomic.Pointer[types.SafetyState]
	// begun counts what made all answers before it worthless.
	begun atomic.Uint64
}

func newEcho(e *Engine) *echo {
	ec := &echo{e: e, asked: make(chan struct{}, 1)}
	ec.account.Store(e.recorded())
	if e.cfg.Signer != nil {
		ec.asked <- struct{}{}
	}
	return ec
}

// held reports whether signing waits for an answer still. On the loop only.
func (ec *echo) held() bool {
	_, held := ec.e.signing.closed[gateEcho]
	return held
}

// askAnew asks again for an epoch that was entered before the first passed.
func (ec *echo) askAnew() {
	if !ec.held() {
		return
	}
	select {
	case ec.asked <- struct{}{}:
	default: // whoever takes the token asks about the present epoch
	}
}

// hold holds signing back until a quorum has been asked. On the loop only.
func (ec *echo) hold(reason string) {
	ec.begun.Add(1)
	ec.e.closeGate(gateEcho, reason)
}

func (ec *echo) run() {
	for task.Select2(ec.e.tasks, task.Done(ec.e.ctx), task.Recv(ec.asked, nil)) == 1 {
		ec.pass()
	}
}

// pass asks until a quorum of the present epoch has answered. Once it is passed
// nobody is asked again: the answers would hold what was signed since.
func (ec *echo) pass() {
	var number, begun uint64
	var answered map[int]bool
	again := ec.e.tasks.Timer()
	defer again.Stop()
	for {
		var epoch *types.Epoch
		var held bool
		if err := ec.e.call(ec.e.ctx, func() { epoch, held = ec.e.epochs[ec.e.epoch], ec.held() }); err != nil || epoch == nil || !held {
			return
		}
		self, member := epoch.IndexOfNetworkKey([32]byte(ec.e.cfg.Consensus.NetworkKey))
		if !member {
			return // the next epoch entered asks anew
		}
		if now := ec.begun.Load(); number != epoch.Number || begun != now {
			number, begun, answered = epoch.Number, now, map[int]bool{self: true}
		}
		if !epoch.IsQuorum(powerOf(epoch, answered)) { // who is a quorum alone asks nobody
			ec.round(epoch, self, answered)
		}
		if epoch.IsQuorum(powerOf(epoch, answered)) {
			ec.e.postCall(func() { ec.passed(number, begun, len(answered)) })
			return
		}
		again.Reset(echoInterval)
		if task.Select3(ec.e.tasks, task.Done(ec.e.ctx), task.Recv(ec.asked, nil), task.Fired(again)) == 0 {
			return
		}
	}
}

func powerOf(epoch *types.Epoch, members map[int]bool) (power uint64) {
	for i := range members {
		power += epoch.Validators[i].Power
	}
	return power
}

func (ec *echo) passed(number, begun uint64, answers int) {
	if number != ec.e.epoch || begun != ec.begun.Load() {
		ec.askAnew()
		return
	}
	ec.e.log.Info("own-echo passed: no peer holds newer signatures of this key", "epoch", number, "answers", answers-1)
	ec.e.openGate(gateEcho)
}

// round asks every validator that has not answered, all at once: from the epoch
// of the own account on.
func (ec *echo) round(epoch *types.Epoch, self int, answered map[int]bool) {
	since := uint64(1)
	if account := ec.account.Load(); account != nil {
		since = account.Epoch
	}
	request := binary.LittleEndian.AppendUint64(nil, epoch.Number)
	request = binary.LittleEndian.AppendUint64(request, since)
	request = append(request, ec.e.cfg.Consensus.ConsensusKey...)
	ctx, cancel := ec.e.tasks.WithTimeout(ec.e.ctx, protocolEcho.Timeout)
	defer cancel()
	var left []int
	for i := range epoch.Validators {
		if i != self && !answered[i] {
			left = append(left, i)
		}
	}
	var mu sync.Mutex // of answered, while they are asked
	asking := task.NewGroup(ec.e.tasks)
	for _, i := range left {
		asking.Go("ask for echoes", func() {
			id := p2p.PeerID(epoch.Validators[i].NetworkKey)
			answer, err := ec.e.cfg.Transport.Request(ctx, id, protocolEcho, request)
			if err != nil {
				return
			}
			if err := ec.judge(answer); err != nil {
				ec.e.log.Warn("own-echo: answer not used", "peer", id.Short(), "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if answered[i] = true; epoch.IsQuorum(powerOf(epoch, answered)) {
				cancel() // a peer that is down must not hold up the start
			}
		})
	}
	asking.Wait()
}
