//go:build clockskew

package node

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// skewedClockFile names the variable with the path of a file of two words: how far the
// wall clock is ahead (a duration, below zero: behind), and how fast both clocks run (1:
// as they should). It is in no program but the one that tests build.
const skewedClockFile = "BEDROCK_CLOCK_SKEW_FILE"

// skewedClockAgain is how often the file is looked at.
const skewedClockAgain = 50 * time.Millisecond

// clockReader is a clock that goes wrong while it is read.
type clockReader struct{ skewed *skewedClock }

type skewedClock struct {
	path string

	mu     sync.Mutex
	looked time.Duration
	ahead  time.Duration
	rate   float64
	from   time.Duration // the machine's monotonic clock when the rate changed
	ran    time.Duration // what was read then
}

func newClockReader() clockReader {
	return clockReader{&skewedClock{path: os.Getenv(skewedClockFile), rate: 1, looked: -skewedClockAgain}}
}

func (c clockReader) read(mono time.Duration, wall time.Time) (time.Duration, time.Time) {
	s := c.skewed
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look(mono)
	ran := s.at(mono)
	return ran, wall.Add(s.ahead + ran - mono)
}

func (c clockReader) real(d time.Duration) time.Duration {
	c.skewed.mu.Lock()
	defer c.skewed.mu.Unlock()
	return time.Duration(float64(d) / c.skewed.rate)
}

// at is what the monotonic clock reads. Callers hold mu.
func (s *skewedClock) at(mono time.Duration) time.Duration {
	return max(s.ran, s.ran+time.Duration(float64(mono-s.from)*s.rate))
}

// look takes up what the file says now. Callers hold mu.
func (s *skewedClock) look(mono time.Duration) {
	if s.path == "" || mono-s.looked < skewedClockAgain {
		return
	}
	s.looked = mono
	text, err := os.ReadFile(s.path)
	if err != nil {
		return
	}
	var ahead string
	var rate float64
	if _, err := fmt.Sscan(string(text), &ahead, &rate); err != nil || rate < 0.1 || rate > 10 {
		return
	}
	d, err := time.ParseDuration(ahead)
	if err != nil {
		return
	}
	s.ran, s.from = s.at(mono), mono
	s.ahead, s.rate = d, rate
}
