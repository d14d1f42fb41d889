package load

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in microseconds in buckets whose width is at most
// 1/128 of their value, from 1 us to over a day, in 16 KiB.
type histogram struct {
	counts [histogramBuckets]uint32
	n      uint64
	max    time.Duration
}

const (
	fineBits         = 7 // buckets for each doubling: 2^fineBits
	fine             = 1 << fineBits
	histogramBuckets = (37 - fineBits + 1) * fine // up to 2^37 us, 38 hours
)

func bucketOf(us uint64) int {
	if us < fine {
		return int(us)
	}
	shift := bits.Len64(us) - fineBits - 1
	return min(histogramBuckets-1, shift*fine+int(us>>shift))
}

// upperOf is the largest value in us that a bucket counts.
func upperOf(bucket int) uint64 {
	if bucket < 2*fine {
		return uint64(bucket)
	}
	shift := bucket/fine - 1
	return (uint64(bucket%fine+fine+1) << shift) - 1
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(uint64(max(0, d).Microseconds()))]++
	h.n++
	h.max = max(h.max, d)
}

// quantile is the duration that the share q (0 to 1) of all does not exceed, at
// most 1 % and 1 us above the exact one. 0 of an empty histogram.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := max(1, uint64(math.Ceil(q*float64(h.n))))
	var seen uint64
	for i, c := range h.counts {
		if seen += uint64(c); seen >= rank {
			return min(h.max, time.Duration(upperOf(i)+1)*time.Microsecond)
		}
	}
	return h.max
}
