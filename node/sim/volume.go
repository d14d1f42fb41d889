package sim

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// segmentBytes is the size of a vote log's segments.
const segmentBytes = 256 << 10

// volumeState is what became of a node's volumes.
type volumeState struct {
	held       int  // how many faults keep it down
	chainLost  bool // its chain volume was lost, and is filled or was
	syncFailed int  // the life in which a sync of its signer volume failed
	mayLose    bool // its vote log may fail to vouch: both copies were damaged, or it is new
	mayEcho    bool // own-echo may judge it: its signer volume was rolled back or copied
	// stale says that its volume lacks what was signed, which all others have seen: own-echo
	// must find out before it signs. unseen: the others may not have, it counts among the f.
	stale, unseen bool
	renewed       bool // it got a new identity in this life, which ends with that
}

func newNode(w *world, i, validator int) (*node, error) {
	n := &node{w: w, index: i, validator: validator, disk: simdisk.New(w.plan.Seed ^ uint64(i+1)<<32), skew: int64(w.chance.IntN(400)) - 200}
	if most := w.plan.ClockDrift; most > 0 {
		n.drift = int64(stream(w.plan.Seed, fmt.Sprint("clock_drift of node ", i)).IntN(2*most+1) - most)
	}
	return n, n.identify(fmt.Sprint(validator))
}

// identify makes the keys of an identity.
func (n *node) identify(name string) error {
	secret := types.SumHash([]byte("consensus key " + name))
	if n.w.scheme.ID() != types.SchemeEd25519 { // below the group's order
		secret[0], secret[31] = secret[0]&0x0f, secret[31]&0x0f
	}
	key, err := n.w.scheme.PrivateKey(secret[:])
	if err != nil {
		return err
	}
	seed := types.SumHash([]byte("network key " + name))
	n.network, n.key = ed25519.NewKeyFromSeed(seed[:]), key
	n.id = p2p.PeerID(n.network.Public().(ed25519.PublicKey))
	return nil
}

// born makes the volumes. // rule: identity-born
func (n *node) born() error {
	n.store = n.newChain()
	if err := votelog.Create(n.logDir(), n.logOptions()); err != nil {
		return err
	}
	n.wear()
	return nil
}

func (n *node) newChain() *store {
	s := newStore(n.w.genesisOutcome(), n.w.epoch)
	s.noticed = func() { n.w.result.Noticed++ }
	return s
}

// logDir is where the vote log of the present identity lies.
func (n *node) logDir() string { return fmt.Sprintf("/signer-%d/votelog", n.births) }

func (n *node) logOptions() votelog.Options {
	return votelog.Options{Owner: n.id, FS: n.disk, SegmentBytes: segmentBytes, Serial: true}
}

// openVoteLog opens it, or that of a new identity where it cannot vouch for what was
// signed. // rule: volume-foreign
func (n *node) openVoteLog() (*votelog.Log, votelog.Recovered, error) {
	log, recovered, err := votelog.Open(n.logDir(), n.logOptions())
	for _, d := range recovered.Damage {
		if d.Kind != votelog.DamageTorn {
			n.w.result.Noticed++
		}
	}
	if errors.Is(err, votelog.ErrForeign) {
		if !n.mayLose {
			return nil, recovered, fmt.Errorf("its vote log cannot vouch for what was signed, though one copy is whole: %w", err)
		}
		if err := n.renew(); err != nil {
			return nil, recovered, err
		}
		return n.openVoteLog()
	}
	if err != nil {
		return nil, recovered, fmt.Errorf("open the vote log: %w", err)
	}
	return log, recovered, nil
}

// renew makes a new identity on the volume; the one before is set aside with its vote log.
// It signs nothing before the chain names it. // rule: volume-foreign, instance-match
func (n *node) renew() error {
	n.w.result.Foreign++
	return n.rebirth()
}

// rebirth makes a new identity with an empty vote log on the signer volume.
func (n *node) rebirth() error {
	n.births++
	if err := n.identify(fmt.Sprintf("%d, identity %d of node %d", n.validator, n.births, n.index)); err != nil {
		return err
	}
	n.w.net.index[n.id] = n.index
	n.w.checks.forget(n)
	n.stale, n.mayEcho, n.mayLose = false, false, true // a birth may be broken off
	return votelog.Create(n.logDir(), n.logOptions())
}

// judgedForeign is told by own-echo.
func (n *node) judgedForeign(reason string) {
	if !n.mayEcho {
		n.w.checks.violated(n, "its volume is judged foreign: %s", reason)
		return
	}
	n.w.log.Info("judged foreign", "node", n.index, "reason", reason)
	if n.renewed = true; n.renew() != nil {
		n.renewed = false // its disk has crashed
	}
}
