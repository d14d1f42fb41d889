package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
)

// supervise keeps the node up.
func (n *node) supervise() {
	for {
		n.lives++
		n.process = n.w.s.Process(fmt.Sprintf("node %d, life %d", n.index, n.lives))
		n.process.Go("node", n.run)
		n.w.tell("node %d begins life %d", n.index, n.lives)
		n.w.s.Await(func() bool { return n.process == nil || n.ended != nil })
		if n.process != nil {
			n.exit()
		}
		n.w.s.Sleep(between(n.w.faults, 10*time.Millisecond, 3*time.Second))
		n.w.s.Await(func() bool { return n.held == 0 })
	}
}

// crash ends the node here and now; what it had not synced is lost, as chance has it.
func (n *node) crash() {
	if n.process == nil {
		n.disk.PowerCut() // no crash inside a write is left to come
		return
	}
	n.stop()
	n.disk.PowerCut()
	n.store.cut(n.w.chance)
	n.w.result.Crashes++
}

// stop ends the node's tasks.
func (n *node) stop() {
	n.process.Kill()
	if n.endpoint != nil {
		n.endpoint.down = true
	}
	n.process, n.lost, n.ended, n.endpoint, n.pool, n.engine = nil, false, nil, nil, nil, nil
	n.w.tell("node %d is down", n.index)
}

// exit is the end of a process that ended by itself: the machine stays up, mostly, and its
// caches go on showing what a failed sync did not write.
func (n *node) exit() {
	why := n.ended
	n.stop()
	if errors.Is(why, errStoreSync) || n.w.chance.IntN(4) == 0 {
		n.disk.PowerCut()
		n.store.cut(n.w.chance)
	} else {
		n.disk.Kill()
	}
	if errors.Is(why, errDamaged) {
		n.loseChain()
	}
}

// died ends what a task does on a disk that has crashed: nothing more leaves the node,
// which is ended soon.
func (n *node) died() {
	n.lost = true
	if n.endpoint != nil {
		n.endpoint.down = true
	}
	n.w.s.Await(func() bool { return false })
}

// run is one life.
func (n *node) run() {
	err := n.live()
	if n.lost || errors.Is(err, simdisk.ErrCrashed) {
		n.died()
	}
	if n.mayEnd(err) {
		n.w.s.Note('e', fmt.Append(nil, n.index, err))
		n.w.tell("node %d ends: %v", n.index, err)
		n.ended = err
	} else {
		n.w.checks.violated(n, "it ended by itself: %v", err)
	}
	n.died() // one that is faulty: it is down until it crashes
}

// mayEnd reports whether an error is one of those that must end a process, and that the
// plan brought about.
func (n *node) mayEnd(err error) bool {
	p, r := &n.w.plan, &n.w.result
	switch {
	case errors.Is(err, simdisk.ErrSync), errors.Is(err, errStoreSync):
		r.SyncsFailed++
		return p.FailSync
	case disk.IsFull(err):
		r.FullEnds++
		return p.FullDisk
	case errors.Is(err, errDamaged):
		return p.DamageChain > 0 && n == n.w.hurt()
	case errors.Is(err, engine.ErrCaughtUp):
		return n.chainLost
	case errors.Is(err, votelog.ErrForeign), n.renewed:
		n.renewed = false
		return true // judged already
	}
	return false
}

// failedSync holds that a process whose volume failed to sync ends, and soon.
// // rule: sync-failure
func (n *node) failedSync() {
	life := n.lives
	n.syncFailed = life
	n.w.s.Call(time.Second, func() {
		if n.lives == life && n.process != nil && n.ended == nil && !n.lost {
			n.w.checks.violated(n, "it goes on after a failed sync of its signer volume")
		}
	})
}
