package task

import (
	"context"
	"time"
)

// Case is one thing that a Select waits for.
type Case[T any] struct {
	from  <-chan T
	to    chan<- T
	value T     // to be sent
	into  *T    // what is received; nil: it is dropped
	open  *bool // whether it came from an open channel; nil: not asked
}

// Recv receives a value; into may be nil, and is best made once, before a loop. A closed
// channel gives the zero value.
func Recv[T any](from <-chan T, into *T) Case[T] { return Case[T]{from: from, into: into} }

// RecvOpen is Recv that says whether the channel is open still.
func RecvOpen[T any](from <-chan T, into *T, open *bool) Case[T] {
	return Case[T]{from: from, into: into, open: open}
}

// Send sends a value.
func Send[T any](to chan<- T, value T) Case[T] { return Case[T]{to: to, value: value} }

// Done waits for the end of a context.
func Done(ctx context.Context) Case[struct{}] { return Case[struct{}]{from: ctx.Done()} }

// Fired waits for a timer.
func Fired(t *Timer) Case[time.Time] { return Case[time.Time]{from: t.C} }

// took hands on what was received.
func (c *Case[T]) took(value T, open bool) {
	if c.into != nil {
		*c.into = value
	}
	if c.open != nil {
		*c.open = open
	}
}

// Select2 waits until one of two cases is done and answers which, from 0. Where both
// can be done, chance decides.
func Select2[A, B any](r Runtime, a Case[A], b Case[B]) int {
	if r.scheduler != nil {
		return wait2(r.scheduler, &a, &b)
	}
	if a.to == nil && b.to == nil { // as most: it is quicker
		select {
		case v, open := <-a.from:
			a.took(v, open)
			return 0
		case v, open := <-b.from:
			b.took(v, open)
			return 1
		}
	}
	select { // a case without its channel is never ready
	case v, open := <-a.from:
		a.took(v, open)
	case a.to <- a.value:
	case v, open := <-b.from:
		b.took(v, open)
		return 1
	case b.to <- b.value:
		return 1
	}
	return 0
}

// Select3 is Select2 of three cases.
func Select3[A, B, C any](r Runtime, a Case[A], b Case[B], c Case[C]) int {
	if r.scheduler != nil {
		return wait3(r.scheduler, &a, &b, &c)
	}
	if a.to == nil && b.to == nil && c.to == nil {
		select {
		case v, open := <-a.from:
			a.took(v, open)
			return 0
		case v, open := <-b.from:
			b.took(v, open)
			return 1
		case v, open := <-c.from:
			c.took(v, open)
			return 2
		}
	}
	select {
	case v, open := <-a.from:
		a.took(v, open)
	case a.to <- a.value:
	case v, open := <-b.from:
		b.took(v, open)
		return 1
	case b.to <- b.value:
		return 1
	case v, open := <-c.from:
		c.took(v, open)
		return 2
	case c.to <- c.value:
		return 2
	}
	return 0
}

// pending is a case as a Scheduler holds it, with its own place for what is received.
type pending[T any] struct {
	from  <-chan T
	to    chan<- T
	value T
	open  bool
}

func (c *Case[T]) pending() *pending[T] { return &pending[T]{from: c.from, to: c.to, value: c.value} }

// Try implements Try.
func (p *pending[T]) Try() bool {
	select {
	case v, open := <-p.from:
		p.value, p.open = v, open
		return true
	default:
	}
	select {
	case p.to <- p.value:
		return true
	default:
		return false
	}
}

// tookFrom hands on what the try received.
func (c *Case[T]) tookFrom(p *pending[T]) {
	if c.from != nil {
		c.took(p.value, p.open)
	}
}

func wait2[A, B any](s Scheduler, a *Case[A], b *Case[B]) int {
	pa, pb := a.pending(), b.pending()
	i := s.Wait(pa, pb)
	if i == 0 {
		a.tookFrom(pa)
	} else {
		b.tookFrom(pb)
	}
	return i
}

func wait3[A, B, C any](s Scheduler, a *Case[A], b *Case[B], c *Case[C]) int {
	pa, pb, pc := a.pending(), b.pending(), c.pending()
	i := s.Wait(pa, pb, pc)
	switch i {
	case 0:
		a.tookFrom(pa)
	case 1:
		b.tookFrom(pb)
	case 2:
		c.tookFrom(pc)
	}
	return i
}
