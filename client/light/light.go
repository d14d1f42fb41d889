package light

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// TrustPeriod is how long a client may rely on sets that it has seen; shorter
// than the evidence window (21 days), so that who signs another past is jailed.
const TrustPeriod = 14 * 24 * time.Hour

// MaxEpochs bounds how many epochs a Chain holds.
const MaxEpochs = 1 << 20

// ErrUnknownEpoch says that the epochs up to a certificate's are needed first.
var ErrUnknownEpoch = errors.New("epoch is not known yet")

// Chain is a chain of verified epochs. Safe for concurrent use.
type Chain struct {
	genesis types.Hash
	scheme  types.Scheme

	mu     sync.RWMutex
	sets   []*types.ValidatorSet // of epochs first, first+1, ...
	starts []types.EpochStart    // what proved sets[1:]
}

// New begins with an epoch that is trusted: epoch 1 of a genesis document, or one
// that a checkpoint names.
func New(genesis types.Hash, trusted types.Epoch) (*Chain, error) {
	scheme, err := types.SchemeByID(trusted.Scheme)
	if err != nil {
		return nil, err
	}
	set, err := types.NewValidatorSet(genesis, trusted, scheme)
	if err != nil {
		return nil, fmt.Errorf("trusted epoch %d: %w", trusted.Number, err)
	}
	return &Chain{genesis: genesis, scheme: scheme, sets: []*types.ValidatorSet{set}}, nil
}

// Genesis is the chain's genesis hash.
func (c *Chain) Genesis() types.Hash { return c.genesis }

// First is the number of the epoch that was trusted.
func (c *Chain) First() uint64 { return c.sets[0].Epoch.Number }

// Newest is the number of the newest epoch known.
func (c *Chain) Newest() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.sets[len(c.sets)-1].Epoch.Number
}

// Epoch is a known epoch.
func (c *Chain) Epoch(number uint64) (types.Epoch, bool) {
	set := c.set(number)
	if set == nil {
		return types.Epoch{}, false
	}
	return set.Epoch, true
}

func (c *Chain) set(number uint64) *types.ValidatorSet {
	c.mu.RLock()
	defer c.mu.RUnlock()
	first := c.sets[0].Epoch.Number
	if number < first || number-first >= uint64(len(c.sets)) {
		return nil
	}
	return c.sets[number-first]
}

// Extend verifies the epochs that follow. Those known already are passed over if
// they are the same.
func (c *Chain) Extend(starts ...types.EpochStart) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range starts {
		start := &starts[i]
		last := c.sets[len(c.sets)-1]
		if n := start.Epoch.Number; n <= last.Epoch.Number {
			first := c.sets[0].Epoch.Number
			if n >= first && c.sets[n-first].Epoch.Digest() != start.Epoch.Digest() {
				return fmt.Errorf("%w: epoch %d differs from the one that was verified", types.ErrCertificate, n)
			}
			continue
		}
		if len(c.sets) >= MaxEpochs {
			return fmt.Errorf("more than %d epochs: begin with a checkpoint", MaxEpochs)
		}
		if len(c.starts) > 0 && start.Certificate != nil &&
			start.Certificate.Outcome.Height <= c.starts[len(c.starts)-1].Certificate.Outcome.Height {
			return fmt.Errorf("%w: epoch %d does not end above its root", types.ErrCertificate, last.Epoch.Number)
		}
		set, err := last.Next(start)
		if err != nil {
			return fmt.Errorf("epoch %d: %w", start.Epoch.Number, err)
		}
		c.sets = append(c.sets, set)
		c.starts = append(c.starts, *start)
	}
	return nil
}

// Starts are the proofs of all epochs after the trusted one, up to number.
func (c *Chain) Starts(number uint64) []types.EpochStart {
	c.mu.RLock()
	defer c.mu.RUnlock()
	first := c.sets[0].Epoch.Number
	if number < first {
		return nil
	}
	n := min(number-first, uint64(len(c.starts)))
	return append([]types.EpochStart(nil), c.starts[:n]...)
}

// VerifyCommit checks a commit certificate. ErrUnknownEpoch where the epochs up
// to its own were not given to Extend.
func (c *Chain) VerifyCommit(cc *types.CC) error {
	set := c.set(cc.Epoch)
	if set == nil {
		return fmt.Errorf("commit certificate of epoch %d: %w", cc.Epoch, ErrUnknownEpoch)
	}
	if root := c.root(cc.Epoch); cc.Outcome.Height <= root && cc.Epoch > c.First() {
		return fmt.Errorf("%w: certificate of epoch %d for height %d, at or below its root", types.ErrCertificate, cc.Epoch, cc.Outcome.Height)
	}
	return set.VerifyCC(cc)
}

// root is the height that an epoch after the trusted one began from.
func (c *Chain) root(number uint64) uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	first := c.sets[0].Epoch.Number
	if number <= first || number-first > uint64(len(c.starts)) {
		return 0
	}
	return c.starts[number-first-1].Certificate.Outcome.Height
}

// VerifyDown checks that outcomes lead from a certified one down, each the parent
// of the one before, and answers the last (top itself without any).
func VerifyDown(top types.Outcome, outcomes []types.Outcome) (types.Outcome, error) {
	for i := range outcomes {
		o := outcomes[i]
		if o.Height+1 != top.Height || o.Hash() != top.Parent {
			return top, fmt.Errorf("%w: the outcome of height %d is not the parent of height %d's", types.ErrCertificate, o.Height, top.Height)
		}
		top = o
	}
	return top, nil
}
