package byzantine

import (
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/sim"
)

// caught runs seeds with conduct that must break agreement until the checks say so.
func caught(t *testing.T, s Setup, want ...string) {
	t.Helper()
	s.Beyond = true
	for seed := uint64(1); seed <= 10; seed++ {
		p := sim.Draw(seed, 4)
		p.Faulty, p.Crash, p.CrashAll, p.Epochs, p.Unequal = 8*time.Second, false, false, false, false
		p.Loss, p.Duplicate, p.Partition, p.Delay = 0, 0, true, 200*time.Millisecond
		p, _, err := s.On(p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sim.Run(p)
		if err == nil {
			continue
		}
		text, _, _ := strings.Cut(err.Error(), "\n")
		for _, w := range want {
			if strings.Contains(text, w) {
				t.Logf("caught: %s", text)
				return
			}
		}
		t.Fatalf("%v: it ended in another way: %v", s, err)
	}
	t.Errorf("%v: not caught by 10 seeds", s)
}

// With two of four Byzantine agreement breaks, and the checks say so.
func TestMoreThanAThirdBreaksAgreement(t *testing.T) {
	conflict := []string{"AGREEMENT", "CONFLICT", "alarm conflicting"}
	for name, s := range map[string]Setup{
		"a leader that proposes twice and votes for both": {Conduct: map[int]string{0: colluders, 3: colluders}},
		"two that run twice":                              {Conduct: map[int]string{0: "twins", 3: "twins"}},
	} {
		t.Run(name, func(t *testing.T) { caught(t, s, conflict...) })
	}
}

// With two of four silent nothing can go on, and the checks say so.
func TestMoreThanAThirdSilentStopsTheChain(t *testing.T) {
	caught(t, Setup{Conduct: map[int]string{0: "silent", 3: "silent"}}, "no progress")
}

func TestASetupIsChecked(t *testing.T) {
	for _, s := range []Setup{{Conduct: map[int]string{4: "silent"}}, {Conduct: map[int]string{0: "nice"}}} {
		if _, _, err := s.On(sim.Draw(1, 4)); err == nil {
			t.Errorf("it is taken: %v", s)
		}
	}
}
