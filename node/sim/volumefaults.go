package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
)

// pageBytes is the unit in which a vote log writes.
const pageBytes = 4096

// startVolumeFaults starts what silences a node or counts it among the f. All of it comes
// to one node.
func (w *world) startVolumeFaults(begin func(name string, f func())) {
	n, p := w.hurt(), &w.plan
	if n == nil {
		return
	}
	for _, f := range []struct {
		on   bool
		name string
		do   func(n *node, rng *rand.Rand)
	}{
		{p.DamageChain > 0, "damage_chain", (*node).damageChain},
		{p.LoseChain, "lose_chain", func(n *node, _ *rand.Rand) { n.loseChain() }},
		{p.LoseSigner, "lose_signer", (*node).loseSigner},
		{p.DamageBoth, "damage_both", (*node).damageBoth},
	} {
		if !f.on {
			continue
		}
		rng := stream(p.Seed, f.name+" at run time")
		begin(f.name, func() {
			for range 1 + rng.IntN(2) {
				w.s.Sleep(between(rng, 500*time.Millisecond, 8*time.Second))
				if w.healed {
					return
				}
				if w.happens("%s of node %d", f.name, n.index) {
					n.whileDown(rng, func() { f.do(n, rng) })
				}
			}
		})
	}
	for _, f := range []struct {
		on   bool
		name string
		do   func(n *node, rng *rand.Rand)
	}{{p.RollBack, "roll_back", (*node).rollBack}, {p.CloneVolume, "clone_volume", (*node).cloneVolume}, {p.CloneKey, "clone_key", (*node).cloneKey}} {
		if f.on {
			rng := stream(p.Seed, f.name+" at run time")
			begin(f.name, func() {
				w.s.Sleep(between(rng, 500*time.Millisecond, 5*time.Second))
				if w.happens("%s of node %d", f.name, n.index) {
					f.do(n, rng)
				}
			})
		}
	}
}

// whileDown crashes a node, does something to its volumes and lets it come up again.
func (n *node) whileDown(rng *rand.Rand, f func()) {
	n.held++
	n.crash()
	f()
	// What it sent has arrived by then.
	n.w.s.Sleep(n.w.plan.Delay + between(rng, 200*time.Millisecond, 2*time.Second))
	n.held--
}

// loseChain puts an empty chain volume in the place of the node's.
func (n *node) loseChain() {
	n.store, n.chainLost = n.newChain(), true
	n.w.result.ChainsLost++
}

// damageChain makes heights of the chain volume unreadable.
func (n *node) damageChain(rng *rand.Rand) {
	for h := uint64(1); h <= n.store.Tip(); h++ {
		if rng.Float64() < n.w.plan.DamageChain {
			n.store.damage(h)
		}
	}
}

// loseSigner puts an empty signer volume in the place of the node's: a new identity is
// born on it.
func (n *node) loseSigner(rng *rand.Rand) {
	n.disk = simdisk.New(rng.Uint64())
	n.w.result.SignersLost++
	if err := n.rebirth(); err != nil {
		n.w.s.Fail(fmt.Errorf("make the signer volume of node %d: %w", n.index, err))
	}
	n.wear()
}

// damageBoth flips bits in most pages that all files of the vote log have.
func (n *node) damageBoth(rng *rand.Rand) {
	names, err := n.disk.ReadDir(n.logDir())
	if err != nil {
		return // a birth was broken off
	}
	for _, name := range names {
		path := filepath.Join(n.logDir(), name)
		data, err := n.disk.Contents(path)
		if err != nil || len(data) == 0 {
			continue
		}
		at := int64(-pageBytes)
		for page := range slices.Chunk(data, pageBytes) {
			at += pageBytes
			if len(bytes.Trim(page, "\x00")) == 0 || rng.IntN(4) == 0 {
				continue
			}
			if err := n.disk.Flip(path, 8*at+int64(rng.IntN(8*len(page)))); err != nil {
				n.w.s.Fail(fmt.Errorf("damage the vote log of node %d: %w", n.index, err))
			}
		}
	}
	n.mayLose = true
	n.w.result.SignersLost++
}

// image is a copy of the signer volume, as a machine that loses its power leaves it.
func (n *node) image(rng *rand.Rand) *simdisk.Disk {
	d := n.disk.Clone(rng.Uint64())
	d.PowerCut()
	return d
}

// outdated says that a copy of the volume lacks what was signed since. Where all others
// must have seen that, own-echo must find out; else the validator counts among the f.
func (n *node) outdated() {
	n.mayEcho = true
	if n.w.plan.quiet() {
		n.stale = true
		return
	}
	n.unseen = true
}

// signsMore waits until the node has signed something more, and says whether it did.
func (n *node) signsMore(rng *rand.Rand) bool {
	c, births := n.w.checks, n.births
	before, late := c.signs[n.validator], false
	n.w.s.Sleep(between(rng, 0, 3*time.Second))
	n.w.s.Call(5*time.Second, func() { late = true })
	n.w.s.Await(func() bool { return late || c.signs[n.validator] > before })
	return c.signs[n.validator] > before && n.births == births
}

// rollBack puts an image of a while ago in the place of the signer volume.
func (n *node) rollBack(rng *rand.Rand) {
	image := n.image(rng)
	if !n.signsMore(rng) || n.w.healed {
		return
	}
	n.whileDown(rng, func() {
		n.disk = image
		n.wear()
		n.w.checks.forget(n)
		n.w.result.SignersLost++
		n.outdated()
	})
}

// cloneVolume starts a second process with an image of the signer volume, while the first
// goes on.
func (n *node) cloneVolume(rng *rand.Rand) {
	c := &node{w: n.w, index: len(n.w.nodes), validator: n.validator, births: n.births, network: n.network, key: n.key, id: n.id, disk: n.image(rng)}
	if !n.signsMore(rng) || n.w.healed {
		return
	}
	n.w.s.Sleep(n.w.plan.Delay + 200*time.Millisecond)
	c.index = len(n.w.nodes) // others may have come
	c.store, c.chainLost = c.newChain(), true
	if c.outdated(); c.unseen {
		n.unseen = true
	}
	n.w.add(c)
}

// cloneKey starts a second process with the consensus key and an identity of its own.
func (n *node) cloneKey(*rand.Rand) {
	c, err := newNode(n.w, len(n.w.nodes), n.validator)
	if err == nil {
		err = c.identify(fmt.Sprintf("%d copied to node %d", n.validator, c.index))
	}
	if err == nil {
		err = c.born()
	}
	if err != nil {
		n.w.s.Fail(fmt.Errorf("copy the key of node %d: %w", n.index, err))
		return
	}
	c.key = n.key
	n.w.add(c)
}

// add lets one more process take part.
func (w *world) add(n *node) {
	w.nodes = append(w.nodes, n)
	w.checks.told = append(w.checks.told, 0)
	for i := range w.net.cut {
		w.net.cut[i] = append(w.net.cut[i], false)
	}
	w.net.cut = append(w.net.cut, make([]bool, len(w.nodes)))
	if _, ok := w.net.index[n.id]; !ok {
		w.net.index[n.id] = n.index
	}
	w.result.Clones++
	w.process.Go(fmt.Sprint("supervisor of node ", n.index), n.supervise)
}
