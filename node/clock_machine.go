//go:build !clockskew

package node

import "time"

// clockReader reads the machine's clocks as they are. The build with the tag clockskew,
// for tests, has others.
type clockReader struct{}

func newClockReader() clockReader { return clockReader{} }

func (clockReader) read(mono time.Duration, wall time.Time) (time.Duration, time.Time) {
	return mono, wall
}

func (clockReader) real(d time.Duration) time.Duration { return d }
