package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/modules"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// maxContinued bounds how often a chain was recovered.
const maxContinued = 64

// followStopped brings the database of a node that was not there, or not to the end, to
// where the chain stopped that the genesis continues: through the documents and the
// blocks of all chains before, from peers that have them. What it leaves is a survivor's
// database. // rule: recovery-genesis
func (n *Node) followStopped(ctx context.Context) error {
	c := n.genesis.Continues
	if c == nil || n.signer == nil { // a tool that works without peers
		return nil
	}
	at, err := storage.Inspect(filepath.Join(n.path(n.cfg.Dirs.Data), "db"), storage.Options{AllowUnsafeFileSystem: n.unsafeFileSystems(), NoVoteLog: true, BallastBytes: -1})
	if errors.Is(err, storage.ErrNoDatabase) {
		at.Empty = true
	} else if err != nil {
		return err
	}
	if at.Problem != "" { // its opening says what to do
		return nil
	}
	if !at.Empty && (at.Genesis == n.genesis.Hash() || at.Genesis == c.GenesisHash && at.Tip >= c.Height) {
		return nil
	}
	n.log.Warn("the chain that this genesis continues is followed to its end first", "rule", "recovery-genesis",
		"continues", c.GenesisHash, "height", c.Height, "from", at.Tip)
	leave, err := n.meet(ctx)
	if err != nil {
		return err
	}
	defer leave()
	line, err := n.line(ctx, &at)
	if line == nil {
		return err
	}
	if at.Empty && line[0].Continues != nil {
		return fmt.Errorf("the database %s is empty, and was made for the recovery genesis %s, which continues another chain: remove that folder: the node follows that chain first", at.Dir, line[0].Hash())
	}
	if !at.Empty && at.Tip >= line[1].Continues.Height { // its end is there, and was not taken over yet
		line = line[1:]
	}
	for i := range len(line) - 1 {
		if err := n.followTo(ctx, line[i], line[i+1].Continues); err != nil {
			return fmt.Errorf("follow the chain of genesis %s to height %d, where it stopped: %w", line[i].Hash(), line[i+1].Continues.Height, err)
		}
	}
	return nil
}

// Bounds of the search for documents that would lead from a database of another genesis
// to this one: the first peer must be there within peerWait, and it takes strangerWait.
const (
	peerWait     = 10 * time.Second
	strangerWait = 5 * time.Second
)

// line are the geneses from the database's to this node's own; none, without an error,
// where it is another chain's, which its opening refuses.
func (n *Node) line(ctx context.Context, at *storage.Inspection) ([]*genesis.Genesis, error) {
	if at.Empty || at.Genesis == n.genesis.Continues.GenesisHash {
		return n.documents(ctx, at.Genesis)
	}
	n.firstPeer(ctx)
	within, cancel := context.WithTimeout(ctx, strangerWait)
	defer cancel()
	line, err := n.documents(within, at.Genesis)
	if ctx.Err() == nil && within.Err() != nil {
		return nil, nil
	}
	return line, err
}

// firstPeer waits a while until a peer is connected, where any is configured.
func (n *Node) firstPeer(ctx context.Context) {
	peers, err := n.peers()
	if err != nil || len(peers) == 0 {
		return
	}
	limit := time.NewTimer(peerWait)
	defer limit.Stop()
	again := time.NewTicker(peerWait / 100)
	defer again.Stop()
	for len(n.network.Peers()) == 0 {
		select {
		case <-again.C:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// meet joins the network until the returned function is called.
func (n *Node) meet(ctx context.Context) (leave func(), err error) {
	if err := n.join(0, prometheus.NewRegistry()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- n.watchPeers(ctx) }()
	return func() {
		cancel()
		if err := errors.Join(<-ended, n.network.Close()); err != nil {
			n.log.Warn("the network was not left well", "error", err)
		}
		n.network = nil
	}, nil
}

// documents are the geneses from the one that the database is of, or the first, up to
// this node's own.
func (n *Node) documents(ctx context.Context, have types.Hash) ([]*genesis.Genesis, error) {
	line := []*genesis.Genesis{n.genesis}
	for g := n.genesis; g.Continues != nil && g.Hash() != have; {
		if len(line) > maxContinued {
			return nil, fmt.Errorf("the chain was recovered more than %d times: begin with the chain volume of a survivor", maxContinued)
		}
		old, err := n.document(ctx, g.Continues.GenesisHash)
		if err != nil {
			return nil, err
		}
		if old.ChainID != n.genesis.ChainID || old.Scheme != n.genesis.Scheme {
			return nil, fmt.Errorf("genesis %s of chain %s with %s is continued as chain %s with %s", old.Hash(), old.ChainID, old.Scheme, n.genesis.ChainID, n.genesis.Scheme)
		}
		line, g = append(line, old), old
	}
	slices.Reverse(line)
	return line, nil
}

// document is the genesis document of a hash: a file of that name beside this node's
// own, or from a peer.
func (n *Node) document(ctx context.Context, hash types.Hash) (*genesis.Genesis, error) {
	path := filepath.Join(filepath.Dir(n.path(n.cfg.Genesis.File)), hash.String()+".json")
	if _, err := os.Stat(path); err == nil {
		g, err := genesis.Load(path)
		if err == nil && g.Hash() != hash {
			err = fmt.Errorf("%s holds the genesis %s: its name is that of another", path, g.Hash())
		}
		return g, err
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look for the genesis document that was continued: %w", err)
	}
	fetcher := &modules.Fetcher{Network: n.network}
	for told := false; ; told = true {
		raw, err := fetcher.Fetch(ctx, hash)
		if err == nil {
			return genesis.Parse(raw)
		}
		if !told {
			n.log.Error("no peer gives the genesis document of the chain that was continued: this node waits for it", "genesis", hash, "error", err, "do", "put it at "+path+", or let a survivor run")
		}
		select {
		case <-time.After(fetchAgain):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the genesis document %s: %w", hash, ctx.Err())
		}
	}
}

// followTo brings the database to the end of the chain of g, which c continues.
func (n *Node) followTo(ctx context.Context, g *genesis.Genesis, c *genesis.Continues) (err error) {
	m := &Node{opt: n.opt, cfg: n.cfg, log: n.log, started: n.started, clock: n.clock, genesis: g, scheme: n.scheme,
		registry: prometheus.NewRegistry(), faults: n.faults, network: n.network, recovered: votelog.Recovered{SyncedHeight: n.recovered.SyncedHeight}}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := m.openStore(ctx); err != nil {
		return err
	}
	m.takeModules()
	if err := m.openExecution(ctx); err != nil {
		return err
	}
	end := blocksync.End{Height: c.Height, Outcome: c.OutcomeHash}
	if err := m.onBranch(ctx, end); err != nil {
		return err
	}
	fetcher := &blocksync.Fetcher{Network: n.network}
	for m.store.Tip() < c.Height {
		if err := m.followBlocks(ctx, fetcher, end); err != nil {
			return err
		}
	}
	return nil
}

// onBranch holds the newest blocks, where they have no certificate, against the chain's: a
// survivor that was brought up to its lock may have been on a branch that died.
func (n *Node) onBranch(ctx context.Context, end blocksync.End) error {
	tip := n.store.Tip()
	at := tip
	for ; at > n.genesis.Root(); at-- {
		if _, err := n.store.Certificate(at); err == nil {
			break
		} else if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	if at >= min(tip, end.Height) {
		return nil
	}
	leave := func(why string) error {
		return fmt.Errorf("the database was brought up to a lock at height %d without a certificate (`bedrock genesis recover`), and %s: remove the folder %s and start again, the node follows the others", tip, why, filepath.Join(n.path(n.cfg.Dirs.Data), "db"))
	}
	if last, err := n.store.Outcome(tip); err != nil {
		return err
	} else if last.EndsEpoch() { // who proves the next epoch shows that certificate
		return leave("that is the end of an epoch")
	}
	block, err := n.store.Block(at + 1)
	if err != nil {
		return err
	}
	start, err := n.store.EpochStart(block.Header.Epoch)
	if err != nil {
		return err
	}
	set, err := types.NewValidatorSet(n.genesis.Hash(), start.Epoch, n.scheme)
	if err != nil {
		return err
	}
	fetcher := &blocksync.Fetcher{Network: n.network, Proof: blocksync.Proof{Certificate: set.VerifyCC, End: &end}}
	for at < min(tip, end.Height) {
		above, err := n.store.Outcome(at)
		if err != nil {
			return err
		}
		r, err := n.fetchRange(ctx, fetcher, above)
		if err != nil {
			return err
		}
		for i := range r.Outcomes {
			if at = r.Outcomes[i].Height; at > tip {
				break
			}
			if own, err := n.store.Outcome(at); err != nil {
				return err
			} else if *own != r.Outcomes[i] {
				return leave(fmt.Sprintf("from height %d on another branch was continued", at))
			}
		}
	}
	return nil
}

// followBlocks brings, executes and stores blocks of one epoch, up to a certificate of
// the last or to the chain's end.
func (n *Node) followBlocks(ctx context.Context, fetcher *blocksync.Fetcher, end blocksync.End) error {
	history, parent, err := n.history()
	if err != nil {
		return err
	}
	set, err := types.NewValidatorSet(n.genesis.Hash(), *history.Present, n.scheme)
	if err != nil {
		return err
	}
	fetcher.Proof = blocksync.Proof{Certificate: set.VerifyCC, End: &end}
	var blocks []storage.Final // not stored yet
	var tail blocksync.Tail
	for first := true; first || len(blocks) > 0; first = false {
		r, err := n.fetchRange(ctx, fetcher, parent)
		if err != nil {
			return err
		}
		reached, err := tail.Add(r)
		if err != nil {
			return n.giveUp(fetcher, blocks, err)
		}
		finals, err := n.executeLine(ctx, history, *parent, r.Blocks, &votelog.Recovered{})
		if err != nil {
			return err
		}
		for i := range finals {
			if own := finals[i].Outcome; own != r.Outcomes[i] {
				return fmt.Errorf("height %d has outcome %s, own execution gives %s: this program does not execute what the chain did", own.Height, r.Outcomes[i].Hash(), own.Hash())
			}
		}
		blocks = append(blocks, finals...)
		parent = &finals[len(finals)-1].Outcome
		for _, cc := range reached {
			below := cc.Outcome.Height - blocks[0].Outcome.Height
			blocks[below].Certificate = cc
			if err := n.followed(n.store.Commit, blocks[:below+1]); err != nil {
				return err
			}
			blocks = blocks[below+1:]
		}
		if r.Certificate == nil && parent.Height == end.Height && len(blocks) > 0 { // the recovery genesis stands for it
			if err := n.followed(n.store.CommitLocked, blocks); err != nil {
				return err
			}
			blocks = nil
		}
	}
	if _, err := n.store.Sync(); err != nil {
		return err
	}
	n.log.Info("followed blocks of the chain that was continued", "height", parent.Height, "of", end.Height)
	return nil
}

// giveUp drops what waits for a certificate that is too far above: it is asked for anew,
// of others first.
func (n *Node) giveUp(fetcher *blocksync.Fetcher, waits []storage.Final, cause error) error {
	var tail *blocksync.TailError
	if !errors.As(cause, &tail) {
		return cause
	}
	n.log.Warn("a peer's next certificate is too far above: what was fetched is dropped, others are asked first", "peer", tail.Peer.Short(), "error", cause)
	fetcher.Blame(tail.Peer, cause.Error())
	for i := range waits {
		n.execution.Drop([]types.Hash{waits[i].Outcome.Block})
	}
	return nil
}

// followed stores blocks, and tells the execution of them.
func (n *Node) followed(commit func([]storage.Final) error, blocks []storage.Final) error {
	if err := commit(blocks); err != nil {
		return err
	}
	for i := range blocks {
		if err := n.execution.Committed(blocks[i].Outcome.Block); err != nil {
			return err
		}
	}
	return nil
}

// fetchRange asks peers until one gives a range above an outcome.
func (n *Node) fetchRange(ctx context.Context, fetcher *blocksync.Fetcher, above *types.Outcome) (*blocksync.Range, error) {
	for told := false; ; {
		r, err := fetcher.Fetch(ctx, blocksync.Anchor{Height: above.Height, Block: above.Block, Outcome: above.Hash()})
		if !errors.Is(err, blocksync.ErrNoPeer) {
			return r, err
		}
		if len(n.network.Peers()) > 0 && !told {
			told = true
			n.log.Warn("no peer gives blocks of the chain that was continued: this node asks on", "above", above.Height, "error", err)
		}
		select {
		case <-time.After(fetchAgain / 4):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
