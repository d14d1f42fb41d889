package deterministic

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
)

// Process is tasks that are killed together, and a task.Scheduler for them.
type Process struct {
	s    *Scheduler
	name string
	dead bool
}

var _ task.Scheduler = (*Process)(nil)

// Process makes one without tasks.
func (s *Scheduler) Process(name string) *Process { return &Process{s: s, name: name} }

// Runtime is where the process's tasks run.
func (p *Process) Runtime() task.Runtime { return task.On(p) }

// Go implements task.Scheduler. A killed process starts nothing more.
func (p *Process) Go(name string, f func()) {
	if !p.dead && !p.s.ending {
		p.s.start(p, name, f)
	}
}

// Now implements task.Scheduler.
func (p *Process) Now() time.Time { return p.s.Now() }

// Call implements task.Scheduler. What a killed process had asked for does not come.
func (p *Process) Call(d time.Duration, f func()) (stop func()) {
	return p.s.call(d, func() {
		if !p.dead {
			f()
		}
	})
}

// Wait implements task.Scheduler, for whichever task runs.
func (p *Process) Wait(tries ...task.Try) int { return p.s.wait(tries) }

// Kill ends the process's tasks, one after another, where they wait. The caller is none
// of them.
func (p *Process) Kill() {
	if p.s.running == nil || p.s.running.process == p {
		panic("a process is killed by its own task, or by none")
	}
	p.dead = true
	for t := p.s.oldest(p); t != nil; t = p.s.oldest(p) {
		p.s.unwind(t)
	}
}

// Dead reports whether the process was killed.
func (p *Process) Dead() bool { return p.dead }

// Await lets other tasks run until ready answers true. It must not wait.
func (s *Scheduler) Await(ready func() bool) { s.wait([]task.Try{tryFunc(ready)}) }

// Yield lets other tasks run.
func (s *Scheduler) Yield() { s.wait(nil) }

// Sleep waits until d of virtual time has passed.
func (s *Scheduler) Sleep(d time.Duration) {
	over := false
	s.call(d, func() { over = true })
	s.Await(func() bool { return over })
}

// tryFunc is a function as a task.Try.
type tryFunc func() bool

// Try implements task.Try.
func (f tryFunc) Try() bool { return f() }
