package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpu is the processor time that the calling thread, or the process, has taken.
func cpu(clock int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		panic("timetable: read a processor clock: " + err.Error()) // Linux has both
	}
	return time.Duration(ts.Nano())
}

func threadCPU() time.Duration  { return cpu(unix.CLOCK_THREAD_CPUTIME_ID) }
func processCPU() time.Duration { return cpu(unix.CLOCK_PROCESS_CPUTIME_ID) }

// writtenBytes is what this process has caused to be written to devices.
func writtenBytes() (uint64, error) {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, fmt.Errorf("read what was written: %w", err)
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("write_bytes: ")); ok {
			return strconv.ParseUint(string(bytes.TrimSpace(rest)), 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/io has no write_bytes")
}

// quantile of a list that it sorts; 0 of none.
func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(len(list)-1, int(q*float64(len(list))))]
}
