package crashfs

// #cgo CXXFLAGS: -std=c++17
// #cgo LDFLAGS: -lrocksdb -pthread -lstdc++ -ldl
// #include <stdlib.h>
// #include "crashfs.h"
import "C"

import (
	"errors"
	"unsafe"

	"github.com/linxGnu/grocksdb"
)

// FS is the account of one simulated disk. One database runs on it at a time.
type FS struct{ c *C.crashfs }

// New makes an account whose choices come from seed. trash is an empty folder on
// the device of the database.
func New(seed uint64, trash string) *FS {
	name := C.CString(trash)
	defer C.free(unsafe.Pointer(name))
	return &FS{c: C.crashfs_new(C.ulonglong(seed), name)}
}

// Free releases the account; no database may be open on it.
func (f *FS) Free() {
	C.crashfs_free(f.c)
	f.c = nil
}

// Env is an environment for one opening; whoever it is set on frees it.
func (f *FS) Env() *grocksdb.Env {
	env := grocksdb.NewDefaultEnv()
	env.Destroy()
	// The binding has no way to take over an environment of another package: its
	// struct is one pointer.
	*(*unsafe.Pointer)(unsafe.Pointer(env)) = C.crashfs_env(f.c)
	return env
}

// CrashAfter makes the n-th change from now crash the disk.
func (f *FS) CrashAfter(n int) { C.crashfs_crash_after(f.c, C.long(n)) }

// FailSync makes the next sync of a file fail, once, with an error.
func (f *FS) FailSync() { C.crashfs_fail_sync(f.c) }

// Fill makes every further write fail for want of space, until Restart.
func (f *FS) Fill() { C.crashfs_fill(f.c) }

// Ops is the number of changes so far.
func (f *FS) Ops() int { return int(C.crashfs_ops(f.c)) }

// MostHeld is the most bytes that a write-ahead log held at any time without their
// being on their way to the device, of which at most one piece is at a time.
func (f *FS) MostHeld() uint64 { return uint64(C.crashfs_most_held(f.c)) }

// Crashed reports whether the crash has happened: what was answered since counts
// for nothing.
func (f *FS) Crashed() bool { return C.crashfs_crashed(f.c) != 0 }

// Restart leaves on disk what a power cut leaves (power), or all that was written
// (the process was killed), and lets writes through again. It answers how many
// files lost something.
func (f *FS) Restart(power bool) (int, error) {
	flag := C.int(0)
	if power {
		flag = 1
	}
	lost := C.crashfs_restart(f.c, flag)
	if lost < 0 {
		return 0, errors.New("crashfs: could not cut a file")
	}
	return int(lost), nil
}
