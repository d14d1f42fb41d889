package deterministic

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// report names the tasks and where they wait, in the order of starting.
func (s *Scheduler) report() string {
	tasks := slices.Clone(s.waiting)
	slices.SortFunc(tasks, func(a, b *aTask) int { return cmp.Compare(a.number, b.number) })
	var b strings.Builder
	for _, t := range tasks {
		fmt.Fprintf(&b, "  %s: %q %s\n", t.process.name, t.name, t.place())
	}
	return b.String()
}

// place is where a task waits: the innermost frame outside the runtime port.
func (t *aTask) place() string {
	if t.depth == 0 {
		return "has not begun"
	}
	frames := runtime.CallersFrames(t.where[:t.depth])
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.Contains(f.Function, "/node/task.") && !strings.Contains(f.Function, "/node/task/deterministic.(*Process)") {
			return fmt.Sprintf("waits in %s (%s:%d)", f.Function, f.File, f.Line)
		}
		if !more {
			return "waits"
		}
	}
}
