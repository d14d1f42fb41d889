package deterministic

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
)

// noneLeft checks that a run left no goroutine: those that are ending may take a moment.
func noneLeft(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<18)
			t.Fatalf("%d goroutines are left of %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// market is a run with many tasks that talk and wait; its history depends on every
// choice.
func market(seed uint64) (string, [32]byte, error) {
	s := New(Config{Seed: seed})
	var order []string
	err := s.Run(func() {
		p := s.Process("market")
		r := p.Runtime()
		goods := make(chan int, 3)
		ctx, cancel := context.WithCancel(context.Background())
		g := task.NewGroup(r)
		for i := range 4 {
			g.Go(fmt.Sprint("seller ", i), func() {
				for k := range 5 {
					task.Select2(r, task.Send(goods, 10*i+k), task.Done(ctx))
				}
			})
		}
		for i := range 3 {
			r.Go(fmt.Sprint("buyer ", i), func() {
				var got int
				for task.Select2(r, task.Recv(goods, &got), task.Done(ctx)) == 0 {
					order = append(order, fmt.Sprintf("%d:%d", i, got))
					if got%3 == 0 && r.Sleep(ctx, time.Duration(got)*time.Millisecond) != nil {
						return
					}
				}
			})
		}
		g.Wait()
		s.Await(func() bool { return len(order) == 20 })
		cancel()
	})
	return strings.Join(order, " "), s.Fingerprint(), err
}

func TestTheSeedDecides(t *testing.T) {
	before := runtime.NumGoroutine()
	seen := map[string]bool{}
	for seed := range uint64(20) {
		order, print, err := market(seed)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		seen[order] = true
		for range 5 {
			if again, other, _ := market(seed); again != order || other != print {
				t.Fatalf("seed %d gives\n%s\nand then\n%s", seed, order, again)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("20 seeds gave %d histories", len(seen))
	}
	noneLeft(t, before)
}

func TestTimeIsVirtual(t *testing.T) {
	s := New(Config{})
	begin := time.Now()
	if err := s.Run(func() {
		r := s.Process("p").Runtime()
		start := r.Now()
		var fired []time.Duration
		for _, d := range []time.Duration{time.Hour, time.Minute, 1000 * time.Hour} {
			r.After(d, "later", func() { fired = append(fired, r.Since(start)) })
		}
		stop := r.After(time.Second, "never", func() { t.Error("it was cancelled") })
		stop()
		timer := r.Timer()
		timer.Reset(time.Second)
		timer.Reset(3 * time.Second)
		task.Select2(r, task.Fired(timer), task.Recv[int](nil, nil))
		if now := r.Since(start); now != 3*time.Second {
			t.Errorf("the timer fired after %s", now)
		}
		ctx, cancel := r.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Sleep(ctx, time.Hour); err == nil || context.Cause(ctx) != context.DeadlineExceeded {
			t.Errorf("a sleep of an hour ended with %v under a bound of a minute", err)
		}
		s.Sleep(1000 * time.Hour)
		if want := fmt.Sprint([]time.Duration{time.Minute, time.Hour, 1000 * time.Hour}); fmt.Sprint(fired) != want {
			t.Errorf("fired at %v, want %v", fired, want)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 10*time.Minute {
		t.Errorf("1,000 hours took %s", took)
	}
}

func TestARunThatCannotGoOnIsToldOf(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, tc := range []struct {
		name string
		cfg  Config
		run  func(s *Scheduler, r task.Runtime)
		want []string
	}{
		{"deadlock", Config{}, func(s *Scheduler, r task.Runtime) {
			never := make(chan int, 1)
			r.Go("waits for nothing", func() { task.Select2(r, task.Recv(never, nil), task.Recv(never, nil)) })
			task.Select2(r, task.Recv(never, nil), task.Recv(never, nil))
		}, []string{"nothing can go on", `"main" waits in`, `"waits for nothing" waits in`, "scheduler_test.go"}},
		{"panic", Config{}, func(s *Scheduler, r task.Runtime) {
			r.Go("breaks", func() { panic("on purpose") })
			s.Sleep(time.Second)
		}, []string{`task "breaks" of p panicked: on purpose`}},
		{"panic of a call", Config{}, func(s *Scheduler, r task.Runtime) {
			s.Call(time.Millisecond, func() { panic("on purpose") })
			s.Sleep(time.Second)
		}, []string{"panicked where no task ran: on purpose"}},
		{"send to a closed channel", Config{}, func(s *Scheduler, r task.Runtime) {
			closed := make(chan int, 1)
			close(closed)
			task.Select2(r, task.Send(closed, 1), task.Recv[int](nil, nil))
		}, []string{"panicked where no task ran: send on closed channel", `"main" waits in`}},
		{"failure", Config{}, func(s *Scheduler, r task.Runtime) {
			r.Go("sees it", func() { s.Fail(errors.New("agreement is broken")) })
			s.Sleep(time.Second)
			t.Error("it went on")
		}, []string{"agreement is broken"}},
		{"standing still", Config{Still: 1000}, func(s *Scheduler, r task.Runtime) {
			for {
				s.Yield()
			}
		}, []string{"time has stood still at 0s for 1000 switches", `"main" waits in`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := New(tc.cfg)
			err := s.Run(func() { tc.run(s, s.Process("p").Runtime()) })
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %v\nwant in it %q", err, want)
				}
			}
		})
	}
	noneLeft(t, before)
}

// A task that blocks where the scheduler does not see it: on a mutex that a waiting task
// holds.
func TestATaskThatKeepsTheBatonIsToldOf(t *testing.T) {
	s := New(Config{Stuck: 50 * time.Millisecond})
	var mu sync.Mutex
	release := make(chan struct{})
	err := s.Run(func() {
		r := s.Process("p").Runtime()
		r.Go("blocks", func() {
			mu.Lock()
			<-release // unseen
		})
		s.Sleep(time.Second)
	})
	if err == nil || !strings.Contains(err.Error(), "kept the baton") || !strings.Contains(err.Error(), "TestATaskThatKeepsTheBaton") {
		t.Errorf("the error is %v", err)
	}
}

func TestKillEndsAProcessWhereItWaits(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range uint64(50) {
		s := New(Config{Seed: seed})
		var unwound []string
		if err := s.Run(func() {
			p, q := s.Process("p"), s.Process("q")
			on := func(name string) {
				r := p.Runtime()
				r.Go(name, func() {
					defer func() { unwound = append(unwound, name) }()
					defer func() {
						r.Go("late", func() { t.Error("a killed process started a task") })
						s.Yield() // ends it
						t.Error("a killed task waited")
					}()
					for {
						if r.Sleep(context.Background(), time.Millisecond) != nil || p.Dead() {
							t.Error("a killed task went on")
						}
					}
				})
			}
			on("one")
			on("two")
			other := 0
			q.Go("other", func() {
				for range 20 {
					s.Sleep(time.Millisecond)
					other++
				}
			})
			called := false
			p.Call(15*time.Millisecond, func() { called = true })
			s.Sleep(10 * time.Millisecond)
			p.Kill()
			if strings.Join(unwound, " ") != "one two" {
				t.Errorf("seed %d: unwound %v, want both, in the order of starting", seed, unwound)
			}
			s.Await(func() bool { return other == 20 })
			if called {
				t.Error("a killed process was called")
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	noneLeft(t, before)
}

func TestWhatIsNotedIsInTheFingerprint(t *testing.T) {
	print := func(note string) [32]byte {
		s := New(Config{})
		if err := s.Run(func() { s.Note('x', []byte(note)) }); err != nil {
			t.Fatal(err)
		}
		return s.Fingerprint()
	}
	if a, again, b := print("a"), print("a"), print("b"); a != again || a == b {
		t.Error("the fingerprint does not go by what was noted")
	}
}

func BenchmarkSwitch(b *testing.B) {
	for _, n := range []int{2, 64} {
		b.Run(fmt.Sprint(n, " tasks"), func(b *testing.B) {
			s := New(Config{Still: 1 << 62})
			err := s.Run(func() {
				r := s.Process("p").Runtime()
				never := make(chan int, 1)
				for range n - 2 {
					r.Go("idle", func() { task.Select2(r, task.Recv(never, nil), task.Recv(never, nil)) })
				}
				r.Go("other", func() {
					for {
						s.Yield()
					}
				})
				for b.Loop() {
					s.Yield()
				}
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
