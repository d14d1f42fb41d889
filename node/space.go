package node

import (
	"context"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// spaceInterval is how often the chain volume's free space is looked at.
const spaceInterval = 5 * time.Second

// pruneInterval is the rate of pruning: one step each.
const pruneInterval = 200 * time.Millisecond

// prune drops what the configuration does not keep, below what readers need.
func (n *Node) prune(ctx context.Context) error {
	ticker := time.NewTicker(pruneInterval)
	defer ticker.Stop()
	return n.store.Pruner(ctx, ticker.C, n.execution.overlays.LowestPinned)
}

// watchSpace pauses the pool's journal while there is little room, and holds signing
// back while the disk is nearly full: a vote that cannot be followed by its block
// helps nobody.
func (n *Node) watchSpace(ctx context.Context) error {
	ticker := time.NewTicker(spaceInterval)
	defer ticker.Stop()
	storage.WatchSpace(ctx, disk.OS{}, n.path(n.cfg.Dirs.Data), ticker.C, func(space storage.Space, free uint64) {
		reason := ""
		if space == storage.SpaceShortage {
			reason = fmt.Sprintf("disk space: %d MiB are free in %s, signing needs %d: make room", free>>20, n.path(n.cfg.Dirs.Data), storage.SpaceCritical>>20)
			n.log.Error("disk is nearly full: signing is held back", "free_bytes", free, "do", "make room on the chain volume")
		}
		n.pool.PauseJournal(space != storage.SpaceOK)
		if err := n.engine.DiskLow(ctx, reason != "", reason); err != nil && ctx.Err() == nil {
			n.log.Warn("disk space not told to the engine", "error", err)
		}
	})
	return nil
}
