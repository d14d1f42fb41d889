package sim

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
)

// hurtNodes is how many nodes a run needs for one of them to be silenced for good.
const hurtNodes = 4

// hurting sets a fault that silences one of enough nodes.
func hurting(set func(p *Plan, rng *rand.Rand)) func(p *Plan, rng *rand.Rand) {
	return func(p *Plan, rng *rand.Rand) {
		if p.Nodes >= hurtNodes {
			set(p, rng)
		}
	}
}

// hurts reports whether the plan has faults that silence a validator or count it
// among the f.
func (p *Plan) hurts() bool {
	return p.WearSegments > 0 || p.DamageChain > 0 || p.LoseChain || p.LoseSigner || p.DamageBoth || p.RollBack || p.CloneVolume || p.CloneKey
}

// quiet reports whether the network brings everything soon and nobody crashes: what a
// rolled-back or copied volume signed is then known to all.
func (p *Plan) quiet() bool {
	return p.Loss == 0 && !p.Partition && !p.Crash && !p.CrashAll && p.Delay <= 100*time.Millisecond && !p.FailSync && !p.FullDisk
}

func (p *Plan) checkDisks() error {
	for _, rate := range []float64{p.WearSlots, p.WearSegments, p.DamageChain} {
		if rate < 0 || rate > 1 {
			return fmt.Errorf("wear of slots %v, of segments %v, damage of the chain %v: want 0 to 1", p.WearSlots, p.WearSegments, p.DamageChain)
		}
	}
	if p.hurts() && p.Nodes < hurtNodes {
		return fmt.Errorf("%d nodes: faults that may silence one for good need %d", p.Nodes, hurtNodes)
	}
	return nil
}

// hurt is the node that faults which silence one come to; nil: they come to none, as
// others are faulty already.
func (w *world) hurt() *node {
	if !w.plan.hurts() || w.hooks.Faulty != nil {
		return nil
	}
	return w.nodes[w.hurtIndex()]
}

func (w *world) hurtIndex() int { return stream(w.plan.Seed, "hurt").IntN(w.plan.Nodes) }

// wear lets the device of a node's signer volume err as the plan says.
func (n *node) wear() {
	p := &n.w.plan
	rate, file := p.WearSlots, "slot-"
	if n == n.w.hurt() && p.WearSegments > 0 {
		rate, file = p.WearSegments, "seg-"
	}
	if rate == 0 {
		return
	}
	n.disk.Wear(simdisk.Wear{Flip: rate / 3, Lose: rate / 3, Misdirect: rate / 3,
		Of: func(name string) bool { return !n.w.healed && strings.HasPrefix(filepath.Base(name), file) }})
}

// failSyncs makes syncs of single nodes fail: of the vote log, or of the chain.
func (w *world) failSyncs() {
	rng := stream(w.plan.Seed, "fail_sync at run time")
	for {
		w.s.Sleep(between(rng, 200*time.Millisecond, 6*time.Second))
		if w.healed {
			return
		}
		n, which, number := w.nodes[rng.IntN(len(w.nodes))], rng.IntN(3), 1+rng.IntN(20)
		switch {
		case !w.happens("failed sync of node %d, of volume %d, after %d", n.index, which, number):
		case which == 0:
			n.store.failSync = true
		default:
			n.disk.FailSync(number)
		}
	}
}

// fullDisks fills signer volumes up for a while.
func (w *world) fullDisks() {
	rng := stream(w.plan.Seed, "full_disk at run time")
	for {
		w.s.Sleep(between(rng, 500*time.Millisecond, 8*time.Second))
		if w.healed {
			return
		}
		n := w.nodes[rng.IntN(len(w.nodes))]
		n.disk.SetFull(w.happens("full signer volume of node %d", n.index))
		w.s.Sleep(between(rng, 500*time.Millisecond, 8*time.Second))
		n.disk.SetFull(false)
	}
}
