package chaos_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// TestDiskDrills does to volumes of a loaded network what docs/keys.md lists: each
// node then does what stands there, and says why. (Copied homes, lost signer volumes
// and rotations: test/governance. Both copies of a vote log: TestOneBitFlipped.)
func TestDiskDrills(t *testing.T) {
	seeded(t)
	c := newCluster(t, devnet.Options{})
	failing := 1
	when := filepath.Join(t.TempDir(), "fail")
	c.Net.Nodes[failing].Binary = fleet.Build(t, "failsync")
	c.Net.Nodes[failing].Env = []string{"BEDROCK_FAIL_SYNC_WHEN=" + when}
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	tr := c.Send(w, 0, 40, 60, 0)
	c.flows(tr, 50)

	old := c.snapshot(3)
	c.lostChainVolume(3)
	c.flows(tr, 30)
	c.tornVoteLog(2)
	c.flows(tr, 30)
	c.failedSync(failing, when)
	c.flows(tr, 30)
	c.rolledBack(3, old)
	c.flows(tr, 60)

	tr.Stop()
	tr.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
}

// snapshot copies a stopped node's home, and starts it again.
func (c *cluster) snapshot(node int) string {
	c.Helper()
	c.Kill(node)
	to := filepath.Join(c.TempDir(), "snapshot")
	c.copyTo(c.Net.Nodes[node].Home, to)
	c.Start(node)
	c.WaitSigning(node)
	return to
}

func (c *cluster) copyTo(from, to string) {
	c.Helper()
	if out, err := exec.CommandContext(c.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		c.Fatalf("copy %s: %v\n%s", from, err, out)
	}
}

// lostChainVolume: it is rebuilt from peers, and signs on with its vote log.
func (c *cluster) lostChainVolume(node int) {
	c.Helper()
	c.Kill(node)
	identity, _ := c.Inspect(node)
	if err := os.RemoveAll(filepath.Join(c.Net.Nodes[node].Home, "data")); err != nil {
		c.Fatal(err)
	}
	from := c.logSize(node)
	c.Start(node)
	c.WaitSigning(node)
	c.votesAgain(0, node)
	if text := c.logSince(node, from); !strings.Contains(text, "identity="+identity) {
		c.Errorf("it does not go on with identity %s:\n%s", identity, text)
	}
}

// tornVoteLog: the last record of one copy was written by half; the other vouches.
func (c *cluster) tornVoteLog(node int) {
	c.Helper()
	c.Kill(node)
	_, in := c.Inspect(node)
	var newest *votelog.RecordInfo
	for k := range in.Records {
		if r := &in.Records[k]; inSegment(r.File) && (newest == nil || r.Seq > newest.Seq) {
			newest = r
		}
	}
	if newest == nil {
		c.Fatalf("node%d's vote log holds no record: %+v", node, in)
	}
	path := filepath.Join(c.Net.Nodes[node].Home, "signer", "votelog", newest.File)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		c.Fatal(err)
	}
	half := int64(newest.Bytes) / 2
	if _, err := f.WriteAt(make([]byte, int64(newest.Bytes)-half), newest.Offset+half); err != nil {
		c.Fatal(err)
	}
	if err := f.Close(); err != nil {
		c.Fatal(err)
	}
	from := c.logSize(node)
	c.Start(node)
	c.WaitSigning(node)
	c.votesAgain(0, node)
	if text := c.logSince(node, from); !strings.Contains(text, "vote log: found damage") {
		c.Errorf("node%d tells nothing of its torn vote log:\n%s", node, text)
	}
}

// failedSync: the process ends at once, though another sync would succeed; started
// again, it signs on. // rule: sync-failure
func (c *cluster) failedSync(node int, when string) {
	c.Helper()
	from := c.logSize(node)
	c.MayDie(node)
	if err := os.WriteFile(when, nil, 0o600); err != nil {
		c.Fatal(err)
	}
	if code := c.WaitDeath(node); code == 0 {
		c.Errorf("node%d, whose sync failed, ends with exit code 0", node)
	}
	last := lastLine(c.logSince(node, from))
	if !strings.Contains(last, "sync") || !strings.Contains(last, "input/output error") {
		c.Errorf("node%d does not say that a sync failed: %s", node, last)
	}
	c.Logf("node%d ended: %s", node, last)
	c.KeepVotes(node)
	c.ForgetDeath(node)
	c.Start(node)
	c.WaitSigning(node)
	c.votesAgain(0, node)
}

// rolledBack: the disk is as it was a while ago, in place. Peers hold newer
// signatures of its key: the identity is set aside. // rule: own-echo
func (c *cluster) rolledBack(node int, old string) {
	c.Helper()
	c.Kill(node)
	identity, _ := c.Inspect(node)
	home := c.Net.Nodes[node].Home
	for _, part := range []string{"data", "signer/votelog"} { // the volume's marks stay what they are
		if err := os.RemoveAll(filepath.Join(home, part)); err != nil {
			c.Fatal(err)
		}
		c.copyTo(filepath.Join(old, part), filepath.Join(home, part))
	}
	from := c.logSize(node)
	c.MayDie(node)
	c.Start(node)
	if code := c.WaitDeath(node); code == 0 {
		c.Errorf("node%d, whose disk was rolled back, ends with exit code 0", node)
	}
	text := c.logSince(node, from)
	if last := lastLine(text); !strings.Contains(last, "volume-foreign") || !strings.Contains(last, "start the node again") {
		c.Errorf("node%d does not say which rule and what to do:\n%s", node, text)
	}
	c.ForgetDeath(node)
	c.Start(node)
	c.isForeign(node, identity)
	c.Logf("node%d: %s", node, c.Status(node).NotSigningReason)
}
