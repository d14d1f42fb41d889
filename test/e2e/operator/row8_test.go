//go:build e2e

package operator

import (
	"testing"
	"time"
)

// Row 8: grow 4 to 7 and shrink to 4 by one field, one validator at a time.
func TestRow8GrowAndShrink(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	steps := n.watchSet()

	n.change(count(7))
	wait(t, "7 validators Ready", 6*time.Minute, func() (bool, string) { return n.ready(7) })
	if claims := n.claims(); claims != 14 {
		t.Errorf("%d volume claims of 7 validators", claims)
	}

	n.change(count(4))
	wait(t, "4 validators Ready", 6*time.Minute, func() (bool, string) { return n.ready(4) })
	for _, s := range steps() {
		t.Logf("epoch %d: %d validators", s.epoch, s.validators)
	}
	steps.oneByOne(t)
	done := l.progress()
	wait(t, "transfers final after it", 60*time.Second, func() (bool, string) { return l.progress() >= done+20, "" })
}
