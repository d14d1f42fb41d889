package task

import (
	"context"
	"time"
)

// Scheduler runs tasks one at a time, in an order and in a time of its own. Its methods
// are called by its own tasks, by none that holds a mutex.
type Scheduler interface {
	// Go starts a task. The name is for reports.
	Go(name string, f func())
	// Now is the time that has come.
	Now() time.Time
	// Call calls f, which must not wait, when d has passed. The function returned
	// cancels that.
	Call(d time.Duration, f func()) (stop func())
	// Wait lets other tasks run until one of the tries succeeds, and answers which.
	Wait(tries ...Try) int
}

// Try is something to wait for.
type Try interface {
	// Try does it if it can be done now, and says whether it did.
	Try() bool
}

// Runtime is where tasks run. The zero Runtime is the machine's own.
type Runtime struct{ scheduler Scheduler }

// On is a Runtime whose tasks a Scheduler runs.
func On(s Scheduler) Runtime { return Runtime{s} }

// Go starts a task. The name is for reports.
func (r Runtime) Go(name string, f func()) {
	if r.scheduler != nil {
		r.scheduler.Go(name, f)
		return
	}
	go f()
}

// Now is the time: on the machine with its monotonic part.
func (r Runtime) Now() time.Time {
	if r.scheduler != nil {
		return r.scheduler.Now()
	}
	return time.Now()
}

// Since is how much time has passed.
func (r Runtime) Since(t time.Time) time.Duration {
	if r.scheduler != nil {
		return r.scheduler.Now().Sub(t)
	}
	return time.Since(t)
}

// After starts f as a task when d has passed. The function returned cancels that.
func (r Runtime) After(d time.Duration, name string, f func()) (stop func()) {
	if s := r.scheduler; s != nil {
		return s.Call(d, func() { s.Go(name, f) })
	}
	timer := time.AfterFunc(d, f)
	return func() { timer.Stop() }
}

// Sleep waits until d has passed, or answers why ctx has ended.
func (r Runtime) Sleep(ctx context.Context, d time.Duration) error {
	timer := r.Timer()
	defer timer.Stop()
	timer.Reset(d)
	if Select2(r, Done(ctx), Fired(timer)) == 0 {
		return ctx.Err()
	}
	return nil
}

// WithTimeout is a context that ends when d has passed. Call cancel when it is over.
func (r Runtime) WithTimeout(parent context.Context, d time.Duration) (ctx context.Context, cancel context.CancelFunc) {
	if r.scheduler == nil {
		return context.WithTimeout(parent, d)
	}
	ctx, end := context.WithCancelCause(parent)
	stop := r.scheduler.Call(d, func() { end(context.DeadlineExceeded) })
	return ctx, func() { stop(); end(context.Canceled) }
}

// Timer sends the time on C once, when it fires. One task uses it.
type Timer struct {
	C <-chan time.Time

	timer *time.Timer // the machine's; nil on a Scheduler
	on    Scheduler
	out   chan time.Time
	stop  func()
}

// Timer makes one that is not running.
func (r Runtime) Timer() *Timer {
	if r.scheduler == nil {
		timer := time.NewTimer(time.Hour)
		timer.Stop()
		return &Timer{C: timer.C, timer: timer}
	}
	out := make(chan time.Time, 1)
	return &Timer{C: out, on: r.scheduler, out: out, stop: func() {}}
}

// Reset makes the timer fire when d has passed from now, and at no other time.
func (t *Timer) Reset(d time.Duration) {
	if t.timer != nil {
		t.timer.Reset(d)
		return
	}
	t.Stop()
	t.stop = t.on.Call(d, func() { t.out <- t.on.Now() }) // empty: it was, and fires once
}

// Stop keeps the timer from firing. Nothing is received from C after it.
func (t *Timer) Stop() {
	if t.timer != nil {
		t.timer.Stop()
		return
	}
	t.stop()
	select {
	case <-t.out:
	default:
	}
}
