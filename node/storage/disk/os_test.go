package disk

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLockIsExclusive(t *testing.T) {
	dir := t.TempDir()
	held, err := OS{}.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (OS{}).Lock(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OS{}.Lock(dir)
	if err != nil {
		t.Fatalf("lock after release: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCreateAllocatesZeros(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	f, err := OS{}.Create(name, 3*SectorBytes)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3*SectorBytes)
	if n, err := f.ReadAt(b, 0); err != nil || n != len(b) {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	for i := range b {
		if b[i] != 0 {
			t.Fatalf("byte %d is %d", i, b[i])
		}
	}
	if _, err := f.WriteAt([]byte("x"), 5); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if size, err := f.Size(); err != nil || size != 3*SectorBytes {
		t.Errorf("size %d, %v", size, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := (OS{}).Create(name, 1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file: %v", err)
	}
}

// A bind or tmpfs mount may hold the tests; what counts is the table.
func TestUnsafeFileSystems(t *testing.T) {
	for _, magic := range []int64{unix.NFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC} {
		if _, bad := unsafeFileSystems[uint32(magic)]; !bad {
			t.Errorf("file system %#x is taken for local", magic)
		}
	}
	for _, magic := range []int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC} {
		if name, bad := unsafeFileSystems[uint32(magic)]; bad {
			t.Errorf("local file system %#x is taken for %s", magic, name)
		}
	}
	if err := (OS{}).CheckLocal(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing folder passed")
	}
}

func TestFree(t *testing.T) {
	if free, err := (OS{}).Free(t.TempDir()); err != nil || free == 0 {
		t.Errorf("free %d, %v", free, err)
	}
}
