package task

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

const bound = 20 * time.Second

func TestSelectTakesWhatIsReady(t *testing.T) {
	var r Runtime
	full, empty := make(chan int, 1), make(chan int, 1)
	full <- 7
	var got int
	if i := Select2(r, Recv(empty, &got), Recv(full, &got)); i != 1 || got != 7 {
		t.Errorf("case %d gave %d, want case 1 and 7", i, got)
	}
	if i := Select2(r, Recv(empty, &got), Send(full, 8)); i != 1 || <-full != 8 {
		t.Errorf("case %d, want a send by case 1", i)
	}
	closed := make(chan int)
	close(closed)
	open := true
	if i := Select3(r, Recv(empty, nil), Send[int](nil, 1), RecvOpen(closed, &got, &open)); i != 2 || open || got != 0 {
		t.Errorf("case %d, open %v, value %d: want the closed channel's", i, open, got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if i := Select3(r, Done(ctx), Recv(empty, &got), Recv[string](nil, nil)); i != 0 {
		t.Errorf("case %d, want the ended context", i)
	}
}

func TestTimersOfTheMachine(t *testing.T) {
	var r Runtime
	timer := r.Timer()
	defer timer.Stop()
	timer.Reset(time.Hour)
	timer.Reset(time.Millisecond)
	ctx, cancel := r.WithTimeout(t.Context(), bound)
	defer cancel()
	if Select2(r, Fired(timer), Done(ctx)) != 0 {
		t.Error("the timer did not fire")
	}
	if err := r.Sleep(ctx, time.Millisecond); err != nil {
		t.Error(err)
	}
	cancel()
	if err := r.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("sleep gave %v, want the end of its context", err)
	}
	called := make(chan struct{})
	r.After(time.Millisecond, "later", func() { close(called) })
	stop := r.After(time.Hour, "never", func() { t.Error("called") })
	stop()
	<-called
	if begin := r.Now(); r.Since(begin) < 0 {
		t.Error("time ran back")
	}
}

func TestGroupWaitsForAll(t *testing.T) {
	for range 100 {
		g := NewGroup(Runtime{})
		var n atomic.Int64
		for range 10 {
			g.Go("counts", func() { n.Add(1) })
		}
		if g.Wait(); n.Load() != 10 {
			t.Fatalf("%d of 10 had ended", n.Load())
		}
	}
}

// The place for what is received is made once, before a loop: then a select on the
// machine allocates nothing.
func TestSelectAllocatesNothing(t *testing.T) {
	var r Runtime
	c := make(chan item, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	never := make(chan struct{}, 1)
	var it item
	if n := testing.AllocsPerRun(100, func() {
		c <- item{a: 1}
		if Select3(r, Done(ctx), Recv(c, &it), Recv(never, nil)) != 1 || it.a != 1 {
			t.Error("another case")
		}
	}); n != 0 {
		t.Errorf("%.1f allocations a select, want none", n)
	}
}

// item is as large as what the engine's loop receives.
type item struct {
	a uintptr
	_ [2]uintptr
}
