package chaos_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bedrock-bft/bedrock/node/devnet"
)

// volumeBytes is the small disk: the ballast and what signing needs free fit in
// with room to fill.
const volumeBytes = 1700 << 20

// mountSmall mounts a small file system of its own, for the test's life.
func mountSmall(t *testing.T, dir string, bytes int) {
	t.Helper()
	options := fmt.Sprintf("size=%d,mode=0700", bytes)
	err := unix.Mount("bedrock-chaos", dir, "tmpfs", 0, options)
	unmount := func() error { return unix.Unmount(dir, 0) }
	if errors.Is(err, unix.EPERM) {
		owner := fmt.Sprintf(",uid=%d,gid=%d", os.Getuid(), os.Getgid())
		var out []byte
		if out, err = exec.Command("sudo", "-n", "mount", "-t", "tmpfs", "-o", options+owner, "bedrock-chaos", dir).CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		unmount = func() error { return exec.Command("sudo", "-n", "umount", dir).Run() }
	}
	if err != nil {
		t.Fatalf("a full disk needs a small file system: run as root, or allow sudo without a password, in a container with CAP_SYS_ADMIN: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// fill takes the volume's room until so many bytes are left.
func fill(t *testing.T, dir string, left uint64) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	// The node writes beside: what was free a moment ago may be gone.
	for size, shrink := info.Size(), 0; shrink < 20; {
		free := freeBytes(t, dir)
		if free <= left {
			return
		}
		more := max(4096, int64(free-left)>>shrink)
		switch err := unix.Fallocate(int(f.Fd()), 0, size, more); {
		case errors.Is(err, unix.ENOSPC):
			shrink++
		case err != nil:
			t.Fatalf("fill %s with %d bytes: %v", dir, more, err)
		default:
			size += more
		}
	}
}

func freeBytes(t *testing.T, dir string) uint64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Bavail * uint64(st.Bsize)
}

// A disk that fills up: first the node holds signing back and says so, then it
// stops with what to do. The others go on throughout, and with room made it starts
// and signs again.
func TestFullDisk(t *testing.T) {
	seeded(t)
	c := newCluster(t, devnet.Options{})
	const node = 3
	data := filepath.Join(c.Net.Nodes[node].Home, "data")
	mountSmall(t, data, volumeBytes)
	t.Cleanup(func() { // before the mount goes
		if err := c.Net.Stop(); err != nil {
			t.Error(err)
		}
	})
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	tr := c.Send(w, 0, 40, 50, 0, 1, 2)
	c.flows(tr, 50)

	fill(t, data, 600<<20)
	c.holdsBack(node)
	c.flows(tr, 50)
	if s := c.Status(node); s == nil || s.Signing {
		t.Errorf("node3 with too little room: %v", s)
	}

	from := c.logSize(node)
	c.MayDie(node)
	fill(t, data, 0)
	if code := c.WaitDeath(node); code == 0 {
		t.Error("a node whose disk is full ends with exit code 0")
	}
	text := c.logSince(node, from)
	if !strings.Contains(text, "database failed to write") || !strings.Contains(text, "make room") {
		t.Errorf("a node whose disk is full does not say what to do:\n%s", text)
	}
	t.Logf("node3 ended: %s", lastLine(text))
	c.flows(tr, 50)

	// Started as it is, it gives up its ballast, is there for reading and says what
	// to do; with room made it signs again without another start.
	c.ForgetDeath(node)
	fill(t, data, 0)
	c.Start(node)
	c.holdsBack(node)
	c.flows(tr, 50)
	if err := os.Remove(filepath.Join(data, "filler")); err != nil {
		t.Fatal(err)
	}
	c.WaitSigning(node)
	c.votesAgain(0, node)
	c.flows(tr, 50)
	tr.Stop()
	tr.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
}

// holdsBack waits until a node does not sign and says that it needs room.
func (c *cluster) holdsBack(node int) {
	c.Helper()
	c.Wait(fmt.Sprintf("node%d holds signing back for want of room", node), func() (bool, string) {
		s := c.Status(node)
		if s == nil {
			return false, "it does not answer"
		}
		return !s.Signing && strings.Contains(s.NotSigningReason, "make room"), "not signing: " + s.NotSigningReason
	})
}

// signerBytes is a signer volume with room for a vote log, and little more.
const signerBytes = 128 << 20

// A signer volume that fills up: the node stops at once, with what to do, and does
// not start while it is full. The others go on throughout. With room made it starts,
// remembers all that it signed, and signs again. // rule: sync-failure
func TestFullSignerVolume(t *testing.T) {
	seeded(t)
	const node = 3
	dir := filepath.Join(t.TempDir(), "net")
	volume := filepath.Join(dir, "node3", "signer")
	if err := os.MkdirAll(volume, 0o700); err != nil {
		t.Fatal(err)
	}
	mountSmall(t, volume, signerBytes) // before the identity is born on it
	c := newCluster(t, devnet.Options{Dir: dir})
	t.Cleanup(func() { // before the mount goes
		if err := c.Net.Stop(); err != nil {
			t.Error(err)
		}
	})
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	tr := c.SendRecords(w, 0, 40, 400, 4000, 0, 1, 2) // its log holds them with each vote
	c.flows(tr, 50)

	// What the log lets go of is taken too, until it needs its next segment.
	from := c.logSize(node)
	c.MayDie(node)
	c.Wait("node3 stops for want of room for votes", func() (bool, string) {
		fill(t, volume, 0)
		return c.Death(node) != nil, fmt.Sprintf("%d bytes are free", freeBytes(t, volume))
	})
	c.fullVolumeSaid(node, from)
	c.KeepVotes(node)
	c.flows(tr, 50)

	c.ForgetDeath(node)
	from = c.logSize(node)
	fill(t, volume, 0)
	c.MayDie(node)
	c.Start(node)
	c.fullVolumeSaid(node, from)
	c.flows(tr, 50)

	c.ForgetDeath(node)
	if err := os.Remove(filepath.Join(volume, "filler")); err != nil {
		t.Fatal(err)
	}
	c.Start(node)
	c.WaitSigning(node)
	c.votesAgain(0, node)
	c.flows(tr, 50)
	tr.Stop()
	tr.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
}

// fullVolumeSaid holds that a node ended with an exit code and the words of a full
// signer volume.
func (c *cluster) fullVolumeSaid(node int, from int64) {
	c.Helper()
	if code := c.WaitDeath(node); code == 0 {
		c.Errorf("node%d, whose signer volume is full, ends with exit code 0", node)
	}
	text := c.logSince(node, from)
	last := lastLine(text)
	if !strings.Contains(last, "signer volume is full") || !strings.Contains(last, "make room") {
		c.Errorf("node%d, whose signer volume is full, does not say what to do:\n%s", node, text)
	}
	c.Logf("node%d ended: %s", node, last)
}
