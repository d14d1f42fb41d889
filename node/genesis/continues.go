package genesis

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

const (
	recoveryTag  = "\x12bedrock/recovery/1"
	maxCosigners = 64
)

// Continues makes a document a recovery genesis: its chain goes on where another one
// stopped for good, with its state and heights, under a hash of its own that separates
// all signatures. // rule: recovery-genesis
type Continues struct {
	// Authority are signatures of the continued state's authority over Statement, by
	// key, ascending.
	Authority []Cosignature `json:"authority"`
	// Epoch is the last one that is continued: the first set is that of the next.
	Epoch       uint64     `json:"epoch"`
	GenesisHash types.Hash `json:"genesis_hash"`
	Height      uint64     `json:"height"`
	// LockEpoch and LockView are the place of the lock that it was made from, the highest
	// among the survivors; view 0: the epoch before had ended for good.
	LockEpoch   uint64     `json:"lock_epoch"`
	LockView    uint64     `json:"lock_view"`
	OutcomeHash types.Hash `json:"outcome_hash"` // of Height, under the continued genesis
}

// Covers reports whether a lock is not above the one that the document was made from:
// whatever its holder can have seen final is continued. Views tell, not heights: what was
// certified in a later view than a final block extends that block. // rule: lock
func (c *Continues) Covers(lock *types.QC) bool {
	return lock.Epoch < c.LockEpoch || lock.Epoch == c.LockEpoch && lock.View <= c.LockView
}

// Cosignature is one of the authority's.
type Cosignature struct {
	Key       Hex `json:"key"`
	Signature Hex `json:"signature"`
}

func (c *Continues) check() error {
	switch {
	case c.Epoch == 0 || c.Epoch > 1<<53 || c.Height == 0 || c.Height > 1<<53:
		return fmt.Errorf("continues: epoch %d and height %d: both are 1 or more", c.Epoch, c.Height)
	case c.LockEpoch == 0 || c.LockEpoch > c.Epoch || c.LockEpoch+1 < c.Epoch || c.LockView > 1<<53:
		return fmt.Errorf("continues: a lock of view %d in epoch %d: it is of epoch %d, or of the one before", c.LockView, c.LockEpoch, c.Epoch)
	case c.GenesisHash.IsZero() || c.OutcomeHash.IsZero():
		return errors.New("continues: genesis_hash or outcome_hash is zero")
	case c.Authority == nil || len(c.Authority) > maxCosigners:
		return fmt.Errorf("continues.authority has %d signatures: want a list of at most %d", len(c.Authority), maxCosigners)
	}
	for i := range c.Authority {
		s := &c.Authority[i]
		if len(s.Key) != ed25519.PublicKeySize || len(s.Signature) != ed25519.SignatureSize {
			return fmt.Errorf("continues.authority %d: want a key of 32 and a signature of 64 bytes", i)
		}
		if i > 0 && bytes.Compare(c.Authority[i-1].Key, s.Key) >= 0 {
			return errors.New("continues.authority: the keys do not ascend, or one stands twice")
		}
	}
	return nil
}

// Statement is what the authority signs: the document without its signatures.
func (g *Genesis) Statement() ([]byte, error) {
	if g.Continues == nil {
		return nil, errors.New("the document continues no chain: nothing is signed of it")
	}
	doc := g.Document
	bare := *g.Continues
	bare.Authority = []Cosignature{}
	doc.Continues = &bare
	raw, err := doc.encode()
	if err != nil {
		return nil, err
	}
	hash := types.SumHash(raw)
	return append([]byte(recoveryTag), hash[:]...), nil
}

// Cosign is the document with one more signature. It has another hash: sign all before
// it is handed out.
func (g *Genesis) Cosign(key ed25519.PrivateKey) (*Genesis, error) {
	statement, err := g.Statement()
	if err != nil {
		return nil, err
	}
	doc := g.Document
	c := *g.Continues
	public := Hex(key.Public().(ed25519.PublicKey))
	at, there := slices.BinarySearchFunc(c.Authority, public, func(s Cosignature, k Hex) int { return bytes.Compare(s.Key, k) })
	if there {
		return g, nil
	}
	c.Authority = slices.Insert(slices.Clone(c.Authority), at, Cosignature{Key: public, Signature: ed25519.Sign(key, statement)})
	doc.Continues = &c
	return New(doc)
}

// CheckAuthority holds the signatures against the authority of the continued state.
func (g *Genesis) CheckAuthority(threshold int, keys [][32]byte) error {
	statement, err := g.Statement()
	if err != nil {
		return err
	}
	signed := 0
	for _, s := range g.Continues.Authority {
		if !ed25519.Verify(ed25519.PublicKey(s.Key), statement, s.Signature) {
			return fmt.Errorf("the signature of %x under the recovery genesis does not verify", []byte(s.Key))
		}
		if slices.Contains(keys, [32]byte(s.Key)) {
			signed++
		}
	}
	if threshold < 1 || signed < threshold {
		return fmt.Errorf("the recovery genesis has %d signatures of the authority of the state that it continues, which needs %d: `bedrock genesis sign` adds one", signed, threshold)
	}
	return nil
}

// Root is the height that the chain begins above: 0, or the one that is continued.
func (g *Genesis) Root() uint64 {
	if g.Continues == nil {
		return 0
	}
	return g.Continues.Height
}

// RecoveryOutcome is the outcome of the continued height as the recovered chain has
// it: it names the first epoch. Heights below prove themselves by its parent.
func (g *Genesis) RecoveryOutcome(old types.Outcome) types.Outcome {
	epoch := g.Epoch()
	old.NextEpoch, old.FailedRun = epoch.Digest(), types.NoFailedRun
	return old
}
