package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
)

// shortened is a plan that takes less time.
func shortened(p Plan) Plan {
	p.Faulty = min(p.Faulty, 8*time.Second)
	return p
}

// forgetful is a vote log that says that it wrote and did not, now and then.
type forgetful struct {
	engine.VoteLog
	n *node
}

func (l forgetful) Append(r votelog.Record) error {
	if l.n.w.chance.IntN(3) == 0 {
		l.n.w.s.Sleep(time.Millisecond)
		return nil
	}
	return l.VoteLog.Append(r)
}

// What breaks a promise is caught, with its seed.
func TestWhatIsBrokenIsCaught(t *testing.T) {
	for _, tc := range []struct {
		name   string
		broken hooks
		want   []string // one of them
	}{
		{"a vote log that forgets", hooks{voteLog: func(n *node, log engine.VoteLog) engine.VoteLog { return forgetful{log, n} }},
			[]string{"DOUBLE VOTE", "judged foreign", "honest"}},
		{"a store that lies about its syncs", hooks{store: func(_ *node, s *store) { s.lies = true }},
			[]string{"the vote log saw"}},
		{"an executor that is not deterministic", hooks{machine: func(n *node, m *machine) {
			m.tamper = func(l *ledger) {
				if n.index == 1 && n.w.chance.IntN(20) == 0 {
					l.nonces[0]++
				}
			}
		}}, []string{"its outcome says", "stopped signing", "alarm"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 20; seed++ {
				p := shortened(Draw(seed, 4))
				p.Crash, p.CrashAll, p.hooks = true, true, tc.broken
				_, err := Run(p)
				if err == nil {
					continue
				}
				text, _, _ := strings.Cut(err.Error(), "\n")
				for _, want := range tc.want {
					if strings.Contains(text, want) {
						t.Logf("caught: %s", text)
						return
					}
				}
				t.Fatalf("it ended in another way: %v", err)
			}
			t.Fatal("not caught by 20 seeds")
		})
	}
}
