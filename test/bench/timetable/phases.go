package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// phases is what one transfer takes, in one ledger.
type phases struct {
	accounts, transfers int // transfers in all

	verify, decode, execute, tree, commit, votes time.Duration // processor time
	reads                                        time.Duration // of execute and tree
	background                                   time.Duration // flush, compaction, Go's collector
	hostCalls                                    float64       // a block
	storeSyncs, voteSyncs                        float64       // a block
	batchBytes, voteBytes, deviceBytes           float64       // a transfer
}

// measurePhases runs blocks of the same size through all parts, one after another.
func measurePhases(ctx context.Context, c *chain, blocks, size int) (*phases, error) {
	p := &phases{accounts: len(c.accounts), transfers: blocks * size}
	payloads, err := c.makeBlocks(blocks, size)
	if err != nil {
		return nil, err
	}
	if err := p.judge(ctx, c, payloads); err != nil {
		return nil, err
	}
	return p, p.run(ctx, c, payloads)
}

// judge measures verify. The module's verify runs on a thread of its own, so this
// is the process' time: nothing else runs meanwhile.
func (p *phases) judge(ctx context.Context, c *chain, payloads [][][]byte) error {
	for _, txs := range payloads {
		runtime.GC()
		begin := processCPU()
		verdicts, err := c.module.Verify(ctx, [32]byte{1}, txs)
		if err != nil {
			return err
		}
		middle := processCPU()
		if verdicts[0].Code == 0 {
			return fmt.Errorf("verify takes transactions of another chain")
		}
		if verdicts, err = c.module.Verify(ctx, genesisHash, txs); err != nil {
			return err
		}
		end := processCPU()
		for i := range verdicts {
			if verdicts[i].Code != 0 {
				return fmt.Errorf("transfer %d does not verify: code %d, %s", i, verdicts[i].Code, verdicts[i].Log)
			}
		}
		p.decode += middle - begin
		p.verify += end - middle - (middle - begin)
	}
	return nil
}

// run executes, votes on and commits the blocks.
func (p *phases) run(ctx context.Context, c *chain, payloads [][][]byte) error {
	runtime.LockOSThread() // thread clocks
	defer runtime.UnlockOSThread()
	stats, err := c.store.Stats()
	if err != nil {
		return err
	}
	votes := c.votes.Stats()
	device, err := writtenBytes()
	if err != nil {
		return err
	}
	process, own := processCPU(), threadCPU()
	for _, txs := range payloads {
		if err := p.block(ctx, c, txs); err != nil {
			return err
		}
	}
	p.background = processCPU() - process - (threadCPU() - own)
	after, err := c.store.Stats()
	if err != nil {
		return err
	}
	written, err := writtenBytes()
	if err != nil {
		return err
	}
	blocks, transfers := float64(len(payloads)), float64(p.transfers)
	now := c.votes.Stats()
	p.hostCalls /= blocks
	p.storeSyncs = float64(after.Syncs-stats.Syncs) / blocks
	p.voteSyncs = float64(now.Syncs-votes.Syncs) / blocks
	p.batchBytes = float64(after.BatchBytes-stats.BatchBytes) / transfers
	p.voteBytes = float64(now.BytesWritten-votes.BytesWritten) / transfers
	p.deviceBytes = float64(written-device) / transfers
	return nil
}

func (p *phases) block(ctx context.Context, c *chain, txs [][]byte) error {
	b := c.block(c.parent.Block, txs)
	begin, read := threadCPU(), &reading{}
	result, err := c.execute(ctx, b, read)
	if err != nil {
		return err
	}
	end := threadCPU()
	if read.firstPage == 0 {
		return fmt.Errorf("block %d read no page", b.Header.Height)
	}
	p.execute += read.firstPage - begin
	p.tree += end - read.firstPage
	p.reads += read.took
	p.hostCalls += float64(result.Usage.HostCalls)

	f := c.final(b, result)
	begin = threadCPU()
	if err := c.vote(b, &f.Outcome); err != nil {
		return err
	}
	end = threadCPU()
	p.votes += end - begin
	if err := c.commit(f); err != nil {
		return err
	}
	p.commit += threadCPU() - end
	return nil
}

// perTransfer is microseconds of a sum.
func perTransfer(sum time.Duration, transfers int) float64 {
	return float64(sum.Nanoseconds()) / 1000 / float64(transfers)
}
