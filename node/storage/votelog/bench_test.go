package votelog

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkAppend is one vote with a block of 200 transfers, both copies synced.
func BenchmarkAppend(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "votelog")
	var took []time.Duration
	opt := Options{
		Owner: testOwner, AllowUnsafeFileSystem: true,
		OnSync: func(d time.Duration) { took = append(took, d) },
	}
	if err := Create(dir, opt); err != nil {
		b.Fatal(err)
	}
	l, _, err := Open(dir, opt)
	if err != nil {
		b.Fatal(err)
	}
	view := uint64(0)
	for b.Loop() {
		view++
		if err := l.Append(voteRecord(view, view, view-1, 40_000)); err != nil {
			b.Fatal(err)
		}
	}
	s := l.Stats()
	slices.Sort(took)
	b.ReportMetric(float64(s.BytesWritten)/float64(s.Appends), "bytes/append")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}
