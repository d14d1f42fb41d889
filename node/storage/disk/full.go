package disk

import (
	"errors"
	"syscall"
)

// IsFull reports whether a write or creation failed for want of room: of the file
// system, or of its user's quota.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
