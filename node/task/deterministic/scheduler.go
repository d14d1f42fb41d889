package deterministic

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
)

// Config of a run.
type Config struct {
	Seed uint64
	// Stuck is how long, in real time, one task may keep the baton [30 s].
	Stuck time.Duration
	// Still is how many switches may come while virtual time stands still [1,000,000].
	Still uint64
}

// epoch is the time at which every run begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Scheduler runs tasks one at a time. Everything in it belongs to who holds the baton.
type Scheduler struct {
	cfg     Config
	rng     *rand.Rand
	history hash.Hash
	noted   []byte // part of the history that is not hashed yet

	now    time.Duration // since epoch
	timers timers
	seq    uint64 // of timers

	started uint64
	waiting []*aTask // all but the one that runs; the order is the seed's
	running *aTask
	failed  error
	ending  bool

	switches atomic.Uint64 // read by the watchdog
	still    uint64        // switches when time went on last
}

// aTask is one task with its place. It is a coroutine: next runs it until it yields.
type aTask struct {
	process *Process
	number  uint64 // in the order of starting
	name    string
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	tries   []task.Try // nil: it can go on
	chosen  int
	killed  bool
	where   [8]uintptr // it waits, depth of them; 0: it has not begun
	depth   int
}

// New makes a scheduler for one run.
func New(cfg Config) *Scheduler {
	if cfg.Stuck <= 0 {
		cfg.Stuck = 30 * time.Second
	}
	if cfg.Still == 0 {
		cfg.Still = 1_000_000
	}
	return &Scheduler{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x7461736b73)), history: sha256.New()}
}

// Run runs tasks until the first one, main, returns, or until the run is broken off.
// All other tasks are killed then. It is called once.
func (s *Scheduler) Run(main func()) error {
	s.start(s.Process("run"), "main", func() {
		main()
		s.ending = true
	})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.turn()
		s.ending = true
		for t := s.oldest(nil); t != nil; t = s.oldest(nil) {
			s.unwind(t)
		}
	}()
	if stuck := s.watch(finished); stuck != nil {
		return stuck
	}
	return s.failed
}

// turn runs tasks until the run is over. What panics outside of a task is a timer's call, or
// what a task waits for: a send to a closed channel.
func (s *Scheduler) turn() {
	defer func() {
		if r := recover(); r != nil {
			stack := make([]byte, 1<<16)
			s.Fail(fmt.Errorf("panicked where no task ran: %v, at %s:\n%s%s", r, s.now, s.report(), stack[:runtime.Stack(stack, false)]))
		}
	}()
	for t := s.choose(); t != nil; t = s.choose() {
		s.resume(t)
	}
}

// watch waits for the end of the run. A task that keeps the baton cannot be ended: it is
// left behind, with those that wait.
func (s *Scheduler) watch(finished <-chan struct{}) error {
	ticker := time.NewTicker(s.cfg.Stuck)
	defer ticker.Stop()
	for last := s.switches.Load(); ; {
		select {
		case <-finished:
			return nil
		case <-ticker.C:
			now := s.switches.Load()
			if now == last {
				stacks := make([]byte, 1<<20)
				return fmt.Errorf("a task has kept the baton for %s: it blocks where the scheduler does not see it, or never waits\n%s",
					s.cfg.Stuck, stacks[:runtime.Stack(stacks, true)])
			}
			last = now
		}
	}
}

// Now is the virtual time.
func (s *Scheduler) Now() time.Time { return epoch.Add(s.now) }

// Elapsed is how much virtual time has passed since the run began.
func (s *Scheduler) Elapsed() time.Duration { return s.now }

// Switches is how often a task was chosen.
func (s *Scheduler) Switches() uint64 { return s.switches.Load() }

// Fail breaks the run off. The first error counts.
func (s *Scheduler) Fail(err error) {
	if s.failed == nil {
		s.failed = err
	}
}

// Failed is why the run is broken off; nil: it is not.
func (s *Scheduler) Failed() error { return s.failed }

// Rand is a source of chance of its own, the same for the same seed and purpose.
func (s *Scheduler) Rand(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.cfg.Seed, purpose))
}

// Note adds to the history what a run wants to be told apart by.
func (s *Scheduler) Note(kind byte, data []byte) {
	s.noted = append(s.noted, kind)
	s.noted = binary.LittleEndian.AppendUint64(s.noted, uint64(s.now))
	s.noted = binary.LittleEndian.AppendUint32(s.noted, uint32(len(data)))
	s.noted = append(s.noted, data...)
	if len(s.noted) >= 1<<14 {
		s.flush()
	}
}

func (s *Scheduler) flush() {
	s.history.Write(s.noted)
	s.noted = s.noted[:0]
}

// Fingerprint is a hash of the whole history so far.
func (s *Scheduler) Fingerprint() [32]byte {
	s.flush()
	return [32]byte(s.history.Sum(nil))
}

// choose picks who goes on. Nil: the run is over.
func (s *Scheduler) choose() *aTask {
	for {
		if s.failed != nil || s.ending {
			return nil
		}
		if t := s.ready(); t != nil {
			n := s.switches.Add(1)
			if n-s.still > s.cfg.Still {
				s.waiting = append(s.waiting, t)
				s.Fail(fmt.Errorf("time has stood still at %s for %d switches:\n%s", s.now, s.cfg.Still, s.report()))
				return nil
			}
			s.noted = append(s.noted, 't', byte(t.chosen))
			s.noted = binary.LittleEndian.AppendUint32(s.noted, uint32(t.number))
			if len(s.noted) >= 1<<14 {
				s.flush()
			}
			return t
		}
		if !s.advance() {
			s.Fail(fmt.Errorf("nothing can go on and no timer runs, at %s:\n%s", s.now, s.report()))
			return nil
		}
	}
}

// ready takes out the first task, in an order of chance, whose wait can end.
func (s *Scheduler) ready() *aTask {
	w := s.waiting
	for i := range w {
		j := i + s.rng.IntN(len(w)-i)
		w[i], w[j] = w[j], w[i]
		if t := w[i]; s.try(t) {
			s.remove(i)
			return t
		}
	}
	return nil
}

// try tries what a task waits for, beginning anywhere.
func (s *Scheduler) try(t *aTask) bool {
	n := len(t.tries)
	if n == 0 {
		t.chosen = 0
		return true
	}
	begin := 0
	if n > 1 {
		begin = s.rng.IntN(n)
	}
	for k := range n {
		if i := (begin + k) % n; t.tries[i].Try() {
			t.chosen = i
			return true
		}
	}
	return false
}

func (s *Scheduler) remove(i int) {
	last := len(s.waiting) - 1
	s.waiting[i] = s.waiting[last]
	s.waiting[last] = nil
	s.waiting = s.waiting[:last]
}

// resume runs a task until it waits again or ends.
func (s *Scheduler) resume(t *aTask) {
	before := s.running
	s.running = t
	t.next()
	s.running = before
}

// start makes a task, which runs when it is chosen.
func (s *Scheduler) start(p *Process, name string, f func()) {
	s.started++
	t := &aTask{process: p, number: s.started, name: name}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer s.ended(t)
		f()
	})
	s.waiting = append(s.waiting, t)
}

// killed is what unwinds a task.
type killed struct{}

// ended is the last thing that a task does.
func (s *Scheduler) ended(t *aTask) {
	r := recover()
	if r == nil {
		return
	}
	if _, ok := r.(killed); !ok {
		stack := make([]byte, 1<<16)
		s.Fail(fmt.Errorf("task %q of %s panicked: %v\n%s", t.name, t.process.name, r, stack[:runtime.Stack(stack, false)]))
	}
}

// wait is Wait of the running task.
func (s *Scheduler) wait(tries []task.Try) int {
	t := s.running
	if t.killed {
		panic(killed{}) // a deferred call of a task that is being unwound
	}
	t.tries = tries
	t.depth = runtime.Callers(3, t.where[:])
	s.waiting = append(s.waiting, t)
	if !t.yield(struct{}{}) {
		panic(killed{})
	}
	t.tries = nil
	return t.chosen
}

// oldest is the waiting task of a process (nil: of any) that was started first.
func (s *Scheduler) oldest(p *Process) *aTask {
	var first *aTask
	for _, t := range s.waiting {
		if (p == nil || t.process == p) && (first == nil || t.number < first.number) {
			first = t
		}
	}
	return first
}

// unwind kills a waiting task, which ends with its deferred calls.
func (s *Scheduler) unwind(t *aTask) {
	s.remove(slices.Index(s.waiting, t))
	before := s.running
	t.killed = true
	s.running = t
	t.stop()
	s.running = before
}
