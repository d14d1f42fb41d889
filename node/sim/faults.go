package sim

import (
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/task/deterministic"
)

// startFaults starts what goes wrong. The function returned says that all of it is over
// and that every node is up.
func (w *world) startFaults(p *deterministic.Process) (calm func() bool) {
	under := 0
	begin := func(name string, f func()) {
		under++
		p.Go(name, func() {
			f()
			under--
		})
	}
	if w.plan.Partition && w.plan.Nodes > 1 {
		begin("partitions", w.partitions)
	}
	if w.plan.Crash {
		for range 1 + w.faults.IntN(2) {
			begin("crashes", w.crashes)
		}
	}
	if w.plan.CrashAll {
		begin("crash of all", w.crashAll)
	}
	if w.plan.Clog > 0 && w.plan.Nodes > 1 {
		begin("clogged links", w.clogs)
	}
	if w.plan.ClockJump > 0 {
		begin("jumps of clocks", w.clockJumps)
	}
	if w.plan.FailSync {
		begin("failing syncs", w.failSyncs)
	}
	if w.plan.FullDisk {
		begin("full disks", w.fullDisks)
	}
	w.startVolumeFaults(begin)
	return func() bool {
		for _, n := range w.nodes {
			if n.process == nil && !w.checks.faulty(n.index) {
				return false
			}
		}
		return under == 0
	}
}

// partitions cuts links and mends them.
func (w *world) partitions() {
	for {
		w.s.Sleep(between(w.faults, 100*time.Millisecond, 8*time.Second))
		if w.healed {
			return
		}
		if cut, text := w.net.drawCut(w.faults); w.happens("%s", text) {
			w.net.apply(cut, text)
			w.result.Partitions++
		}
		w.s.Sleep(between(w.faults, 100*time.Millisecond, 10*time.Second))
		w.net.join()
	}
}

// crashes ends single nodes, in one of three ways, while faults come.
func (w *world) crashes() {
	for {
		w.s.Sleep(between(w.faults, 100*time.Millisecond, 6*time.Second))
		if w.healed {
			return
		}
		n := w.nodes[w.faults.IntN(len(w.nodes))]
		how, number := w.faults.IntN(3), w.faults.IntN(2000)
		if !w.happens("crash of node %d, in way %d", n.index, how) {
			continue
		}
		switch how {
		case 0: // inside a write, or a little later
			n.disk.CrashAfter(1 + number%8)
			give := w.s.Elapsed() + 2*time.Second
			w.s.Call(2*time.Second, func() {})
			w.s.Await(func() bool { return n.lost || w.s.Elapsed() >= give })
		case 1: // at any switch
			at := w.s.Switches() + uint64(number)
			w.s.Await(func() bool { return w.s.Switches() >= at })
		}
		n.crash()
	}
}

// crashAll ends all nodes at one instant, more than once.
func (w *world) crashAll() {
	for range 1 + w.faults.IntN(3) {
		w.s.Sleep(between(w.faults, time.Second, 10*time.Second))
		if w.healed {
			return
		}
		if !w.happens("crash of all nodes") {
			continue
		}
		for _, n := range w.nodes {
			n.crash()
		}
	}
}

// drawCut draws one of the partitions that there are: which links it cuts, and its name.
func (net *network) drawCut(rng interface{ IntN(int) int }) (cut func(from, to int) bool, name string) {
	n := len(net.w.nodes)
	side := make([]bool, n)
	switch rng.IntN(4) {
	case 0: // halves
		for i := range side {
			side[i] = i < n/2
		}
	case 1: // one alone
		side[rng.IntN(n)] = true
	case 2:
		for i := range side {
			side[i] = rng.IntN(2) == 0
		}
	case 3: // by power: as few as the others are no quorum without
		validators := net.w.checks.sets[net.w.checks.last].Epoch.Validators
		var power, total uint64
		for i := range validators {
			total += validators[i].Power
		}
		for first, i := rng.IntN(len(validators)), 0; i < len(validators) && 3*power <= total; i++ {
			v := (first + i) % len(validators)
			power += validators[v].Power
			if at, ok := net.w.checks.nodeOf(net.w.checks.last, uint32(v)); ok {
				side[at] = true
			}
		}
	}
	oneWay := rng.IntN(3) == 0
	name = fmt.Sprint("partition ", side)
	if oneWay {
		name += ", one way"
	}
	return func(from, to int) bool { return side[from] != side[to] && (!oneWay || side[from]) }, name
}

// apply cuts links.
func (net *network) apply(cut func(from, to int) bool, name string) {
	for i := range net.cut {
		for j := range net.cut[i] {
			net.cut[i][j] = net.cut[i][j] || cut(i, j)
		}
	}
	net.w.s.Note('p', []byte(name))
}
