package sim

import (
	"testing"
	"time"
)

// Both schemes and sets from 1 to many validators, of unequal power, commit under faults.
func TestSchemesAndSizes(t *testing.T) {
	for _, tc := range []struct {
		scheme string
		nodes  int
		faulty time.Duration
	}{
		{"bls12381", 1, 4 * time.Second},
		{"bls12381", 4, 4 * time.Second},
		{"ed25519", 2, 8 * time.Second},
		{"ed25519", 13, 2 * time.Second},
	} {
		t.Run(tc.scheme, func(t *testing.T) {
			t.Parallel()
			p := Draw(uint64(tc.nodes), tc.nodes)
			p.Scheme, p.Unequal, p.Faulty, p.Crash, p.Loss = tc.scheme, true, tc.faulty, true, 0.05
			if r, err := Run(p); err != nil {
				t.Errorf("%v\n%+v", err, p)
			} else {
				t.Logf("%d nodes, %s: %d heights, %d messages, %d crashes", tc.nodes, tc.scheme, r.Height, r.Messages, r.Crashes)
			}
		})
	}
}
