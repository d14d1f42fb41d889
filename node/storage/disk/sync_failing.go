//go:build failsync

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// failSyncWhen names the variable with the path of a file: while it is there the next
// sync removes it and fails, and those after it succeed, as a kernel that has dropped
// the pages answers. It is in no program but the one that tests build.
const failSyncWhen = "BEDROCK_FAIL_SYNC_WHEN"

func fdatasync(fd int) error {
	if path := os.Getenv(failSyncWhen); path != "" && os.Remove(path) == nil {
		return unix.EIO
	}
	return unix.Fdatasync(fd)
}
