package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
)

// flipBit flips one bit of [from, to) of a file, and says which.
func (c *cluster) flipBit(rng *rand.Rand, path string, from, to int64) {
	c.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		c.Fatal(err)
	}
	at, bit := from+rng.Int64N(to-from), rng.IntN(8)
	one := make([]byte, 1)
	if _, err := f.ReadAt(one, at); err != nil {
		c.Fatal(err)
	}
	one[0] ^= 1 << bit
	if _, err := f.WriteAt(one, at); err != nil {
		c.Fatal(err)
	}
	if err := f.Close(); err != nil {
		c.Fatal(err)
	}
	c.Logf("flipped bit %d of byte %d of %s (of [%d, %d))", bit, at, filepath.Base(path), from, to)
}

// flipNewest flips a bit of the newest record in those files of a node's vote log
// that match.
func (c *cluster) flipNewest(rng *rand.Rand, node int, match func(file string) bool) {
	c.Helper()
	_, in := c.Inspect(node)
	var newest *votelog.RecordInfo
	for k := range in.Records {
		if r := &in.Records[k]; match(r.File) && (newest == nil || r.Seq > newest.Seq) {
			newest = r
		}
	}
	if newest == nil {
		c.Fatalf("node%d's vote log holds no record there: %+v", node, in)
	}
	path := filepath.Join(c.Net.Nodes[node].Home, "signer", "votelog", newest.File)
	c.flipBit(rng, path, newest.Offset, newest.Offset+int64(newest.Bytes))
}

func inSegment(file string) bool { return !strings.HasPrefix(file, "slot-") }
func inSlot(file string) bool    { return strings.HasPrefix(file, "slot-") }

// logSize is where a node's log ends now; logSince what came after.
func (c *cluster) logSize(node int) int64 {
	info, err := os.Stat(filepath.Join(c.Net.Nodes[node].Home, "node.log"))
	if err != nil {
		return 0
	}
	return info.Size()
}

func (c *cluster) logSince(node int, from int64) string {
	c.Helper()
	b, err := os.ReadFile(filepath.Join(c.Net.Nodes[node].Home, "node.log"))
	if err != nil {
		c.Fatal(err)
	}
	return string(b[min(from, int64(len(b))):])
}

// votesAgain waits until another node sees commit votes of heights that were not
// there before.
func (c *cluster) votesAgain(at, of int) {
	c.Helper()
	target := c.Status(at).FinalHeight
	c.Wait(fmt.Sprintf("node%d sees commit votes of node%d", at, of), func() (bool, string) {
		v := c.lastVote(at, of)
		return v > target, fmt.Sprintf("the newest is of height %d, want above %d", v, target)
	})
}

// One bit is flipped between stop and start: no view is signed twice, and the
// node says what it found.
func TestOneBitFlipped(t *testing.T) {
	rng := seeded(t)
	c := newCluster(t, devnet.Options{})
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	tr := c.Send(w, 0, 40, 50, 0)
	c.flows(tr, 100)

	for range *flipsFlag {
		for _, place := range []struct {
			name  string
			match func(string) bool
		}{
			{"segment", inSegment},
			{"slot-0", func(file string) bool { return file == "slot-0" }},
			{"slot-1", func(file string) bool { return file == "slot-1" }},
		} {
			c.oneCopy(rng, 3, place.name, place.match)
			c.flows(tr, 30)
		}
		c.writeAhead(rng, 2)
		c.flows(tr, 30)
	}
	c.bothCopies(rng, 1)
	c.flows(tr, 60)
	tr.Stop()
	tr.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
	c.Kill(c.All()...)
	prepares, commits := c.Votes()
	height, txs := w.Count()
	t.Logf("%d prepare and %d commit votes on record, none of a view twice; %d transfers final in %d blocks", prepares, commits, txs, height)
}

// oneCopy: the other copy vouches, so the node goes on, and tells of the damage.
func (c *cluster) oneCopy(rng *rand.Rand, node int, name string, match func(string) bool) {
	c.Helper()
	c.Kill(node)
	c.flipNewest(rng, node, match)
	from := c.logSize(node)
	c.Start(node)
	c.WaitSigning(node)
	if text := c.logSince(node, from); !strings.Contains(text, "vote log: found damage") {
		c.Errorf("a bit in the %s: the node tells of no damage; its log:\n%s", name, text)
	}
	c.votesAgain(0, node)
}

// bothCopies: nothing vouches for what was signed last. The identity is set
// aside, the new one is in no set, and the node follows and says why.
func (c *cluster) bothCopies(rng *rand.Rand, node int) {
	c.Helper()
	c.Kill(node)
	old, _ := c.Inspect(node)
	c.flipNewest(rng, node, inSegment)
	c.flipNewest(rng, node, inSlot)
	if _, in := c.Inspect(node); in.Foreign == "" {
		c.Fatalf("with a bit flipped in both copies the vote log still stands: %+v", in.Damage)
	}
	from := c.logSize(node)
	c.Start(node)
	c.isForeign(node, old)
	if text := c.logSince(node, from); !strings.Contains(text, "volume-foreign") {
		c.Errorf("the log does not name the rule volume-foreign:\n%s", text)
	}
	c.Kill(node) // it stays so over a restart
	c.Start(node)
	c.isForeign(node, old)
}

// isForeign: the node follows the chain under another identity, does not sign and
// says why.
func (c *cluster) isForeign(node int, old string) {
	c.Helper()
	c.Wait(fmt.Sprintf("node%d answers that its identity was set aside", node), func() (bool, string) {
		s := c.Status(node)
		if s == nil {
			return false, "it does not answer"
		}
		if s.Signing || s.ValidatorIndex >= 0 {
			c.Fatalf("node%d signs with a vote log that vouches for nothing: %+v", node, s)
		}
		return strings.Contains(s.NotSigningReason, "set aside"), "not signing: " + s.NotSigningReason
	})
	record, err := signer.ReadRecord(filepath.Join(c.Net.Nodes[node].Home, "signer"))
	if err != nil {
		c.Fatal(err)
	}
	if record.NetworkKey == old {
		c.Errorf("node%d kept its identity %s", node, old)
	}
	c.WaitHeight(c.Status((node+1)%len(c.Net.Nodes)).FinalHeight, node) // it follows all the same
}

// writeAhead: a bit in the write-ahead log of the database. Where synced writes
// are gone with it the node refuses and says what to do; done so, it signs again.
func (c *cluster) writeAhead(rng *rand.Rand, node int) {
	c.Helper()
	// What the log held is in tables after a start: then a part of the chain is lost, not all.
	c.Kill(node)
	c.Start(node)
	c.WaitSigning(node)
	c.votesAgain(0, node)
	c.WaitHeight(c.Status(node).FinalHeight+20, node)
	c.Kill(node)
	data := filepath.Join(c.Net.Nodes[node].Home, "data")
	logs, err := filepath.Glob(filepath.Join(data, "db", "db", "*.log"))
	if err != nil || len(logs) == 0 {
		c.Fatalf("no write-ahead log in %s: %v", data, err)
	}
	var path string
	var size int64
	for _, l := range logs {
		if info, err := os.Stat(l); err == nil && info.Size() > size {
			path, size = l, info.Size()
		}
	}
	c.flipBit(rng, path, 0, size/2) // what follows it was synced
	from := c.logSize(node)
	c.MayDie(node)
	c.Start(node)
	refused := false
	c.Wait(fmt.Sprintf("node%d refuses its database, or rebuilds it", node), func() (bool, string) {
		refused = c.Death(node) != nil
		s := c.Status(node)
		return refused || s != nil && s.Signing, "it neither ended nor signs"
	})
	text := c.logSince(node, from)
	if !refused { // nothing readable was left: filled as an empty one is
		if !strings.Contains(text, "filling mark changed") {
			c.Errorf("node%d signs with a database that lost synced writes and tells nothing:\n%s", node, text)
		}
		c.ForgetDeath(node)
		c.votesAgain(0, node)
		return
	}
	code := c.WaitDeath(node)
	if code == 0 || !strings.Contains(text, "move the data folder aside and start") || !strings.Contains(text, "keep the") {
		c.Fatalf("node%d ended with code %d and does not say what to do:\n%s", node, code, text)
	}
	c.Logf("node%d refused: %s", node, lastLine(text))
	if err := os.Rename(filepath.Join(data, "db"), filepath.Join(c.TempDir(), "aside")); err != nil {
		c.Fatal(err)
	}
	c.ForgetDeath(node)
	c.Start(node)
	c.WaitSigning(node)
	c.votesAgain(0, node)
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
