package devnet

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUsageOfThisProcess(t *testing.T) {
	sum := 0
	for i := range 50_000_000 { // take some processor time
		sum += i ^ sum
	}
	u, err := ReadUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if u.RSSBytes < 1<<20 || u.CPUSeconds < 0 || sum == 1 {
		t.Errorf("usage %+v", u)
	}
	if _, err := ReadUsage(1 << 30); err == nil {
		t.Error("usage of a process that does not exist")
	}
}

func TestDiskBytesCountsBlocks(t *testing.T) {
	dir := t.TempDir()
	before, err := DiskBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	after, err := DiskBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if after < before+1<<20 {
		t.Errorf("a file of 1 MiB: %d bytes before, %d after", before, after)
	}
}
