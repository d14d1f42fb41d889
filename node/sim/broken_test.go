package sim

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// shortened is a plan that takes less time.
func shortened(p Plan) Plan {
	p.Faulty = min(p.Faulty, 8*time.Second)
	return p
}

// forgetful is a vote log that says that it wrote and did not, now and then.
type forgetful struct {
	engine.VoteLog
	w   *World
	rng *rand.Rand
}

func (l forgetful) Append(r votelog.Record) error {
	if l.rng.IntN(3) == 0 {
		l.w.Sleep(time.Millisecond)
		return nil
	}
	return l.VoteLog.Append(r)
}

// lying is a store whose syncs do nothing.
type lying struct{ engine.Store }

func (s lying) Sync() (uint64, error) { return s.Tip(), nil }

// moody is an executor that gives another state now and then.
type moody struct {
	engine.Executor
	rng *rand.Rand
}

func (m moody) Execute(ctx context.Context, epoch *types.Epoch, b *types.Block, parent *types.Outcome) (*engine.Execution, error) {
	x, err := m.Executor.Execute(ctx, epoch, b, parent)
	if err == nil && m.rng.IntN(20) == 0 {
		x.StateRoot[0] ^= 1
	}
	return x, err
}

// mute sends none of its votes.
type mute struct{ engine.Transport }

func (m mute) MulticastVotes([]byte) error { return nil }

// What breaks a promise is caught, with its seed.
func TestWhatIsBrokenIsCaught(t *testing.T) {
	for _, tc := range []struct {
		name   string
		broken Conduct
		want   []string // one of them
	}{
		{"a vote log that forgets", func(w *World) Hooks {
			rng := w.Rand("forgets")
			return Hooks{VoteLog: func(_ *Node, l engine.VoteLog) engine.VoteLog { return forgetful{l, w, rng} }}
		}, []string{"not in its vote log"}},
		{"a node that follows and says nothing", func(*World) Hooks {
			return Hooks{Transport: func(n *Node, e engine.Transport) engine.Transport {
				if n.Index() == 1 {
					return mute{e}
				}
				return e
			}}
		}, []string{"no progress"}},
		{"a store that lies about its syncs", func(*World) Hooks {
			return Hooks{Store: func(_ *Node, s engine.Store) engine.Store { return lying{s} }}
		}, []string{"the vote log saw"}},
		{"an executor that is not deterministic", func(w *World) Hooks {
			rng := w.Rand("moods")
			return Hooks{Executor: func(n *Node, x engine.Executor) engine.Executor {
				if n.Index() == 1 {
					return moody{x, rng}
				}
				return x
			}}
		}, []string{"its outcome says", "stopped signing", "alarm"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 20; seed++ {
				p := shortened(Draw(seed, 4))
				p.Crash, p.CrashAll, p.Conduct = true, true, tc.broken
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
