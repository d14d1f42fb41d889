package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// continuation is what the database is held against under a recovery genesis.
func (n *Node) continuation() *storage.Continuation {
	c := n.genesis.Continues
	if c == nil {
		return nil
	}
	return &storage.Continuation{Genesis: c.GenesisHash, Height: c.Height, Outcome: c.OutcomeHash}
}

// recoverStore makes the database of a survivor that of the recovered chain, once: the
// authority of its own state must have signed the recovery genesis. // rule: recovery-genesis
func (n *Node) recoverStore(ctx context.Context) error {
	c := n.genesis.Continues
	old, err := n.store.Outcome(c.Height)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if err := n.checkContinuedEpoch(c); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	threshold, keys, err := n.storedAuthority(ctx)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if err := n.genesis.CheckAuthority(threshold, keys); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if err := n.store.Recover(n.genesis.RecoveryOutcome(*old), n.genesis.Epoch()); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	n.log.Warn("this database continues under a recovery genesis from now on", "rule", "recovery-genesis", "continues", c.GenesisHash, "height", c.Height, "genesis", n.genesis.Hash())
	return nil
}

// checkContinuedEpoch holds the document to the last epoch of the chain that is continued:
// numbers of epochs are not used twice.
func (n *Node) checkContinuedEpoch(c *genesis.Continues) error {
	_, err := n.store.EpochStart(c.Epoch)
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("the recovery genesis continues epoch %d, which the state at height %d has not reached: make it anew", c.Epoch, c.Height)
	}
	if err != nil {
		return err
	}
	_, err = n.store.EpochStart(c.Epoch + 1)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the recovery genesis continues epoch %d, and the state at height %d is in a later one: make it anew", c.Epoch, c.Height)
}

// storedAuthority reads the authority of the stored state by the query of the executor that
// left it: the document may name another one, and the epoch that was to follow one that
// nobody has, or that fails on every block.
func (n *Node) storedAuthority(ctx context.Context) (threshold int, keys [][32]byte, err error) {
	epoch, header, err := backend{n}.at(n.store.Tip())
	if err != nil {
		return 0, nil, err
	}
	module, err := n.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	if err != nil {
		return 0, nil, fmt.Errorf("executor of the state that is continued: %w", err)
	}
	overlays, err := openOverlays(n.store, n.cfg.Executor.PageCacheBytes)
	if err != nil {
		return 0, nil, err
	}
	_, ref := overlays.Committed()
	view, err := overlays.ViewAt(ref)
	if err != nil {
		return 0, nil, err
	}
	defer view.Close()
	result, err := module.Query(ctx, view, blockContext(epoch, header, nil), "authority", nil, false)
	if err != nil {
		return 0, nil, fmt.Errorf("read the authority: %w", err)
	}
	if result.Code != 0 || len(result.Value) == 0 {
		return 0, nil, errors.New("the state that is continued names no authority: nobody can sign a recovery of it")
	}
	a, err := ledger.DecodeAuthority(result.Value)
	if err != nil {
		return 0, nil, err
	}
	for _, k := range a.Keys {
		keys = append(keys, k)
	}
	return int(a.Threshold), keys, nil
}

// RecoveryOptions say what chain is continued by whom.
type RecoveryOptions struct {
	Home   string
	Config *config.Config
	// Survivors are the network identities that are left of the present set: the first
	// set of the recovered chain, with their powers.
	Survivors [][32]byte
	TimeMs    uint64
	// Bodies are signer folders of other survivors, whose vote logs may hold blocks that
	// this one locked and never voted for: their identity records and vote logs are read.
	Bodies []string
}

// MakeRecovery makes a recovery genesis, not signed yet, from what a survivor that does
// not run has. Blocks up to its lock are executed and stored first: they may be final
// elsewhere.
// // rule: recovery-genesis
func MakeRecovery(ctx context.Context, o RecoveryOptions) (*genesis.Genesis, error) {
	g, err := genesis.Load(o.Config.Genesis.File)
	if err != nil {
		return nil, err
	}
	unsafe := o.Config.Dirs.FileSystems == "allow-unsafe"
	record, err := signer.ReadRecord(o.Config.Dirs.Signer)
	if err != nil {
		return nil, err
	}
	_, owner, _, err := record.Keys()
	if err != nil {
		return nil, err
	}
	log, recovered, err := votelog.Open(filepath.Join(o.Config.Dirs.Signer, "votelog"), votelog.Options{Owner: owner, AllowUnsafeFileSystem: unsafe})
	if err != nil {
		return nil, err
	}
	if err := log.Close(); err != nil {
		return nil, err
	}
	if err := signsUnder(o.Config.Dirs.Signer, g, &recovered.State); err != nil {
		return nil, err
	}
	if err := addBodies(&recovered, &o, unsafe); err != nil {
		return nil, err
	}
	for extended := false; ; extended = true {
		store, err := storage.Open(filepath.Join(o.Config.Dirs.Data, "db"), storage.Options{Genesis: g.Hash(), VoteLogSynced: recovered.SyncedHeight, AllowUnsafeFileSystem: unsafe, BallastBytes: -1})
		if err != nil {
			return nil, err
		}
		made, locked, err := recoveryOf(g, store, &recovered, &o)
		if err = errors.Join(err, store.KeepDocument(g.Hash(), g.Bytes()), store.Close()); err != nil || !locked {
			return made, err
		}
		if extended {
			return nil, fmt.Errorf("the database was brought up to the lock and ends below it, height %d", recovered.State.Lock.Height)
		}
		if err := extendToLock(ctx, &o, &recovered); err != nil {
			return nil, fmt.Errorf("bring the database up to the lock at height %d: %w", recovered.State.Lock.Height, err)
		}
	}
}

// addBodies reads the vote logs of other survivors. A block is named by its hash: nothing
// depends on whose log it lay in. // rule: recovery-genesis
func addBodies(recovered *votelog.Recovered, o *RecoveryOptions, unsafe bool) error {
	for _, dir := range o.Bodies {
		record, err := signer.ReadRecord(dir)
		if err != nil {
			return err
		}
		_, owner, _, err := record.Keys()
		if err != nil {
			return err
		}
		blocks, err := votelog.Bodies(filepath.Join(dir, "votelog"), votelog.Options{Owner: owner, AllowUnsafeFileSystem: unsafe})
		if err != nil {
			return fmt.Errorf("blocks in %s: %w", dir, err)
		}
		recovered.Blocks = append(recovered.Blocks, blocks...)
	}
	return nil
}

// recoveryOf makes the document from what is stored; locked says that the lock is above
// that.
func recoveryOf(g *genesis.Genesis, store *storage.Store, recovered *votelog.Recovered, o *RecoveryOptions) (made *genesis.Genesis, locked bool, err error) {
	tip := store.Tip()
	switch lock := recovered.State.Lock.Height; {
	case tip == 0 && lock == 0 && recovered.SyncedHeight == 0:
		return nil, false, errors.New("this node has no final block, and has locked none: make the recovery genesis on a survivor that has; where nobody has, make a network anew")
	case tip == 0:
		return nil, false, fmt.Errorf("the database has no final block, and the vote log has locked height %d and seen height %d synced: it lacks final blocks, so make the recovery genesis on a survivor that has them, or put a copy of its chain volume in this one's place; where nobody has any, make a network anew", lock, recovered.SyncedHeight)
	}
	outcome, err := store.Outcome(tip)
	if err != nil {
		return nil, false, err
	}
	epoch, header, err := epochAbove(g, store, outcome)
	if err != nil {
		return nil, false, err
	}
	lock := &recovered.State.Lock
	if recovered.State.Epoch <= epoch.Number && lockedAbove(lock, header, outcome.EndsEpoch()) {
		return nil, true, nil
	}
	if recovered.State.Epoch > epoch.Number || tip < recovered.SyncedHeight || lock.View == 0 && lock.Epoch > header.Epoch && lock.Block != outcome.Block {
		return nil, false, fmt.Errorf("the database ends at height %d, before epoch %d, and the vote log has signed in epoch %d and seen height %d synced: it lacks final blocks, so make the recovery genesis on a survivor that has them, or put a copy of its chain volume in this one's place", tip, epoch.Number, recovered.State.Epoch, recovered.SyncedHeight)
	}
	lockEpoch, lockView, err := lockOf(g, store, lock, epoch, header, outcome)
	if err != nil {
		return nil, false, err
	}
	doc := g.Document
	doc.AppState, doc.TimeMs, doc.Validators = []byte("{}"), o.TimeMs, nil
	doc.ExecutorHash, doc.Engine = epoch.ExecutorHash, epoch.Engine
	doc.Block = genesis.Block{MaxBytes: epoch.MaxBytes, MaxGas: epoch.MaxGas}
	doc.Continues = &genesis.Continues{Authority: []genesis.Cosignature{}, Epoch: epoch.Number, GenesisHash: g.Hash(), Height: tip, LockEpoch: lockEpoch, LockView: lockView, OutcomeHash: outcome.Hash()}
	for _, identity := range o.Survivors {
		i, ok := epoch.IndexOfNetworkKey(identity)
		if !ok {
			return nil, false, fmt.Errorf("identity %x is not in the set of epoch %d: name survivors of it", identity, epoch.Number)
		}
		v := epoch.Validators[i]
		for j := range g.Validators { // an epoch's record need not hold proofs of possession
			if len(v.Possession) == 0 && string(g.Validators[j].ConsensusKey) == string(v.ConsensusKey) {
				v.Possession = g.Validators[j].Possession
			}
		}
		doc.Validators = append(doc.Validators, genesis.Validator{ConsensusKey: v.ConsensusKey, NetworkKey: v.NetworkKey[:], Possession: v.Possession, Power: v.Power, Moniker: g.Moniker(identity)})
	}
	made, err = genesis.New(doc)
	return made, false, err
}

// epochAbove is the epoch of the block above the tip, and the header of the tip. The tip
// may have no certificate: a recovery may have stored it.
func epochAbove(g *genesis.Genesis, store *storage.Store, tip *types.Outcome) (*types.Epoch, *types.Header, error) {
	block, err := store.Block(tip.Height)
	if err != nil {
		return nil, nil, err
	}
	number := block.Header.Epoch
	switch {
	case tip.Height == g.Root(): // continued, and nothing is final since
		number = g.Epoch().Number
	case tip.EndsEpoch():
		number++
	}
	start, err := store.EpochStart(number)
	if err != nil {
		return nil, nil, fmt.Errorf("read epoch %d: %w", number, err)
	}
	return &start.Epoch, &block.Header, nil
}
