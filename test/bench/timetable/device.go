package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// syncTimer is the operating system's file system that takes the time of each sync,
// less what its thread waited for a processor meanwhile: what is left is the device
// and the kernel's file system, whatever else runs on the machine.
type syncTimer struct {
	disk.OS
	mu   sync.Mutex
	took []time.Duration
}

// Create implements disk.FS.
func (s *syncTimer) Create(name string, size int64) (disk.File, error) {
	f, err := s.OS.Create(name, size)
	return s.wrap(f), err
}

// Open implements disk.FS.
func (s *syncTimer) Open(name string) (disk.File, error) {
	f, err := s.OS.Open(name)
	return s.wrap(f), err
}

func (s *syncTimer) wrap(f disk.File) disk.File {
	if f == nil {
		return nil
	}
	return &timedFile{f, s}
}

// taken answers what was measured since the last call.
func (s *syncTimer) taken() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := s.took
	s.took = nil
	return took
}

type timedFile struct {
	disk.File
	timer *syncTimer
}

// Sync implements disk.File.
func (f *timedFile) Sync() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	waited, err := runDelay()
	if err != nil {
		return err
	}
	begin := time.Now()
	err = f.File.Sync()
	took := time.Since(begin)
	after, delayErr := runDelay()
	if err != nil {
		return err
	}
	if delayErr != nil {
		return delayErr
	}
	f.timer.mu.Lock()
	defer f.timer.mu.Unlock()
	f.timer.took = append(f.timer.took, max(0, took-(after-waited)))
	return nil
}

// runDelay is how long the thread has waited for a processor.
func runDelay() (time.Duration, error) {
	b, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0, fmt.Errorf("read the scheduler's figures: %w", err)
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, fmt.Errorf("the scheduler's figures are %q", b)
	}
	n, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(n), err
}
