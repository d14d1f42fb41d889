// Package deterministic runs tasks one at a time, under one seed and in virtual time:
// a node on it does the same in each run, on any machine.
//
//	s := deterministic.New(deterministic.Config{Seed: 7})
//	err := s.Run(func() {                 // the first task; the run ends with it
//	    p := s.Process("node 1")          // tasks that are killed together
//	    p.Go("engine", func() { ... })    // and all that they start
//	    s.Sleep(time.Second)
//	    p.Kill()
//	})
//
// Each task is a coroutine, and one runs at a time: it holds the baton. A task that
// waits hands it back: the Scheduler takes the waiting tasks in an order that the
// seed gives, and the first whose wait can end goes on. When none can, time goes to
// the next timer. A wait that could end at once is a switch as any other.
//
// Invariants
//
//   - The same seed and the same tasks give the same history, and the same Fingerprint
//     of it: every choice of a task and of what it waited for, and what Note adds.
//   - A run ends with an error that names the tasks and where they wait when nothing can
//     go on and no timer runs, when a task panics, when one keeps the baton (real time,
//     Config.Stuck), and when time stands still for Config.Still switches.
//   - After Run no goroutine of it is left, but for one that never gave the baton back.
//   - A killed task does nothing more but its deferred calls; a wait in one of these
//     ends it.
//
// What it must not: look at what tasks do, or let real time decide anything but that a
// run is broken off.
//
// Its limits: tasks are switched where they wait and nowhere else, so that a race on
// memory between two waits is not found here (the race detector is for that).
//
// Guarded by the tests beside the code.
package deterministic
