package devnet

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// clockTicks is Linux' USER_HZ, 100 on every platform that Go runs on.
const clockTicks = 100

// Usage is what a node's process has taken.
type Usage struct {
	CPUSeconds float64
	RSSBytes   uint64
}

// ReadUsage reads what a process has taken so far.
func ReadUsage(pid int) (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("read the usage of process %d: %w", pid, err)
	}
	// The command's name may hold anything: fields count from the last ')'.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const user, system, rss = 11, 12, 21
	if len(fields) <= rss {
		return Usage{}, fmt.Errorf("read the usage of process %d: %d fields", pid, len(fields))
	}
	var ticks, pages uint64
	for _, f := range []struct {
		at int
		to *uint64
	}{{user, &ticks}, {system, &ticks}, {rss, &pages}} {
		n, err := strconv.ParseUint(fields[f.at], 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("read the usage of process %d: %w", pid, err)
		}
		*f.to += n
	}
	return Usage{CPUSeconds: float64(ticks) / clockTicks, RSSBytes: pages * uint64(os.Getpagesize())}, nil
}

// DiskBytes is what a folder takes on the device, files that vanish meanwhile
// left out.
func DiskBytes(dir string) (uint64, error) {
	var sum uint64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // it vanished
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += uint64(s.Blocks) * 512
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", dir, err)
	}
	return sum, nil
}
