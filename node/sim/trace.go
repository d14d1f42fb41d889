package sim

import (
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// maxTrace bounds how many events of a run are kept: the last ones.
const maxTrace = 20_000

// Event is something that a reader of a run wants to know.
type Event struct {
	At   time.Duration `json:"at_ns"`
	What string        `json:"what"`
}

// String is a line.
func (e Event) String() string { return fmt.Sprintf("%10.3f s  %s", e.At.Seconds(), e.What) }

// Trace runs a plan and tells what happened: faults, lives, views, what became final.
func Trace(p Plan) ([]Event, Result, error) {
	w, err := newWorld(p, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, Result{}, err
	}
	w.traced = true
	result, err := w.run()
	return w.trace, result, err
}

// tell keeps an event of a run that is traced.
func (w *world) tell(format string, args ...any) {
	if !w.traced {
		return
	}
	if len(w.trace) == maxTrace {
		w.trace = slices.Delete(w.trace, 0, maxTrace/4)
	}
	w.trace = append(w.trace, Event{At: w.s.Elapsed(), What: fmt.Sprintf(format, args...)})
}

// happens reports whether a fault that chance has chosen comes, and counts it. Chance is
// asked before and in the same way whether it comes or not.
func (w *world) happens(format string, args ...any) bool {
	number := w.result.Faults
	w.result.Faults++
	if w.plan.Keep != nil {
		if _, kept := slices.BinarySearch(w.plan.Keep, number); !kept {
			return false
		}
	}
	if w.traced {
		w.tell("fault %d: %s", number, fmt.Sprintf(format, args...))
	}
	return true
}
