package load

import (
	"math"
	"time"
)

// histogram counts durations in buckets that grow by 1 %: from 10 us to about an
// hour, in 8 KiB.
type histogram struct {
	counts [buckets]uint32
	n      uint64
	max    time.Duration
}

const (
	buckets = 2048
	least   = 10 * time.Microsecond
	growth  = 1.01
)

var logGrowth = math.Log(growth)

func (h *histogram) add(d time.Duration) {
	i := 0
	if d > least {
		i = min(buckets-1, int(math.Log(float64(d)/float64(least))/logGrowth))
	}
	h.counts[i]++
	h.n++
	h.max = max(h.max, d)
}

// quantile is the duration that the share q of all does not exceed, up to 1 %.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.n)))
	var seen uint64
	for i, c := range h.counts {
		if seen += uint64(c); seen >= max(1, rank) {
			upper := time.Duration(float64(least) * math.Pow(growth, float64(i+1)))
			return min(upper, h.max)
		}
	}
	return h.max
}
