//go:build !failsync

package disk

import "golang.org/x/sys/unix"

// fdatasync is the system's. The build with the tag failsync, for tests, fails.
func fdatasync(fd int) error { return unix.Fdatasync(fd) }
