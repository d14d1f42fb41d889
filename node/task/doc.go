// Package task is the port through which a node's parts start tasks, wait and read
// the time: the engine, the mempool and block sync know no other way.
//
//	Runtime.Go              starts a task
//	Select2, Select3        wait for the first of several channels
//	Recv, Send, Done, ...   what a Select waits for
//	Runtime.Timer, Sleep    time that passes
//	Group                   tasks that end together
//
// The zero Runtime is the machine's own: goroutines, the `select` statement and real
// timers, at the cost of a call (bench_test.go). A Runtime over a Scheduler runs one
// task at a time and lets the Scheduler decide which one and what it waits for, so that
// a whole node, as it is, runs under a seed in virtual time (package deterministic).
//
// What tasks on it keep to
//
//   - They block nowhere else: no bare channel operation that can wait, no
//     sync.WaitGroup, no time.Sleep. Code that never waits may use what it likes.
//   - Nobody waits while holding a mutex.
//   - Channels are buffered or are only ever closed: where one task runs at a time,
//     nobody stands at the other end of an unbuffered one.
//   - No order of a map decides what others see.
//
// It must not: know what runs on it, or offer a wait that a Scheduler cannot see.
//
// Guarded by task_test.go on the machine and by package deterministic's tests;
// hack/tools/walls refuses bare goroutines, selects and clocks in the packages that
// run on it.
package task
