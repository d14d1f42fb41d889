package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// storm is a network under faults drawn from a seed.
type storm struct {
	*cluster
	l       *lab
	w       *fleet.Told
	h       *history
	rng     *rand.Rand
	frozen  map[int]bool
	skews   []string       // the file of each node's clock
	strayed int            // the node whose clock may be far off
	did     map[string]int // faults, by kind
}

// fault is something that goes wrong until the round ends, or that it mends itself.
type fault struct {
	name string
	do   func(*storm) string
}

// faults are all kinds; each round draws which of them it has.
var faults = []fault{
	{"halves", func(s *storm) string {
		o := s.rng.Perm(4)
		s.l.cut(between(o[:2], o[2:])...)
		return fmt.Sprint(o[:2], "|", o[2:])
	}},
	{"single", func(s *storm) string {
		o := s.rng.Perm(4)
		s.l.cut(between(o[:1], o[1:])...)
		return fmt.Sprint(o[:1], "|", o[1:])
	}},
	{"one-way", (*storm).oneWay},
	{"flapping", (*storm).flap},
	{"healed", func(s *storm) string { s.l.cut(); return "" }},
	{"killed", (*storm).killOne},
	{"all killed", func(s *storm) string { s.thawAll(); s.Kill(s.All()...); s.startSome(4); return "" }},
	{"started", func(s *storm) string { return s.startSome(1 + s.rng.IntN(4)) }},
	{"frozen", (*storm).freeze},
	{"thawed", func(s *storm) string { s.thawAll(); return "" }},
	{"skewed", (*storm).skew},
	{"loss", func(s *storm) string { n := s.rng.IntN(300); s.l.lose(n); return fmt.Sprintf("%d of 1000", n) }},
	{"bad wires", (*storm).badWires},
}

func (s *storm) oneWay() string {
	var cut []link
	for _, d := range s.allLinks() {
		if s.rng.IntN(3) == 0 {
			cut = append(cut, d)
		}
	}
	s.l.cut(cut...)
	return fmt.Sprint(cut)
}

func (s *storm) allLinks() []link {
	var list []link
	for from := range s.Net.Nodes {
		for to := range s.Net.Nodes {
			if from != to {
				list = append(list, link{from, to})
			}
		}
	}
	return list
}

// flap cuts and heals the same two halves quickly.
func (s *storm) flap() string {
	o := s.rng.Perm(4)
	at, times := 1+s.rng.IntN(2), 2+s.rng.IntN(8)
	for range times {
		s.l.cut(between(o[:at], o[at:])...)
		s.pass(time.Duration(s.rng.IntN(1200)) * time.Millisecond)
		s.l.cut()
		s.pass(time.Duration(s.rng.IntN(1200)) * time.Millisecond)
	}
	return fmt.Sprint(o[:at], "|", o[at:], " ", times, " times")
}

func (s *storm) killOne() string {
	i := s.rng.IntN(4)
	if !s.Net.Nodes[i].Running() {
		return fmt.Sprintf("node%d is down", i)
	}
	delete(s.frozen, i)
	s.Kill(i)
	return fmt.Sprintf("node%d", i)
}

func (s *storm) startSome(most int) string {
	var started []int
	for _, i := range s.rng.Perm(4)[:most] {
		if !s.Net.Nodes[i].Running() {
			s.Start(i)
			started = append(started, i)
		}
	}
	return fmt.Sprint(started)
}

// freeze stops a process, as a machine that sleeps: it comes back with old timers and
// a clock that has run on.
func (s *storm) freeze() string {
	i := s.rng.IntN(4)
	pid := s.Net.Nodes[i].PID()
	if pid == 0 || s.frozen[i] {
		return fmt.Sprintf("node%d is away", i)
	}
	s.signal(i, unix.SIGSTOP)
	s.frozen[i] = true
	return fmt.Sprintf("node%d", i)
}

func (s *storm) thawAll() {
	for i := range s.frozen {
		s.signal(i, unix.SIGCONT)
	}
	clear(s.frozen)
}

func (s *storm) signal(i int, sig unix.Signal) {
	if err := unix.Kill(s.Net.Nodes[i].PID(), sig); err != nil {
		s.Fatalf("signal node%d: %v", i, err)
	}
}

// skew makes a clock wrong: one node's by up to an hour, those of others by less than
// the drift that blocks may have; all may run up to a tenth too fast or slow.
func (s *storm) skew() string {
	i := s.rng.IntN(4)
	ahead := time.Duration(s.rng.Int64N(400)-200) * time.Millisecond
	if i == s.strayed {
		far := []time.Duration{time.Second, 10 * time.Second, time.Hour}[s.rng.IntN(3)]
		ahead = time.Duration(s.rng.Int64N(int64(2*far))) - far
	}
	rate := 0.9 + 0.2*s.rng.Float64()
	if i != s.strayed {
		rate = 1
	}
	s.setClock(i, ahead, rate)
	return fmt.Sprintf("node%d by %s, rate %.2f", i, ahead.Round(time.Millisecond), rate)
}

func (s *storm) setClock(i int, ahead time.Duration, rate float64) {
	// Written aside: it is read at any time.
	aside := s.skews[i] + ".new"
	if err := os.WriteFile(aside, fmt.Appendf(nil, "%s %.3f\n", ahead, rate), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(aside, s.skews[i]); err != nil {
		s.Fatal(err)
	}
}

func (s *storm) badWires() string {
	bad := wire{Loss: 0.3 * s.rng.Float64(), Double: 0.5 * s.rng.Float64(),
		Delay: time.Duration(s.rng.IntN(100)) * time.Millisecond, Jitter: time.Duration(s.rng.IntN(100)) * time.Millisecond}
	var some []link
	for _, d := range s.allLinks() {
		if s.rng.IntN(2) == 0 {
			some = append(some, d)
		}
	}
	s.l.wires.use(bad, some...)
	return fmt.Sprintf("%+v on %v", bad, some)
}

// round has faults go wrong for some time, then mends all and holds that the network
// comes back. It answers how long the first commit took.
func (s *storm) round(number int, length time.Duration) time.Duration {
	s.Helper()
	var kinds []fault
	for _, f := range faults {
		if s.rng.IntN(2) == 0 {
			kinds = append(kinds, f)
		}
	}
	if len(kinds) == 0 {
		kinds = faults
	}
	s.strayed = s.rng.IntN(4)
	var said []string
	for end := time.Now().Add(length); time.Now().Before(end); {
		f := kinds[s.rng.IntN(len(kinds))]
		s.did[f.name]++
		said = append(said, strings.TrimSpace(f.name+" "+f.do(s)))
		wait := time.Duration(s.rng.ExpFloat64() * float64(3*time.Second))
		s.pass(min(wait, time.Until(end)))
		s.aliveAll()
	}
	height, _ := s.w.Count()
	began := time.Now()
	s.mend()
	s.risesAbove(s.w, height)
	first := time.Since(began)
	s.WaitSigning(s.All()...)
	now, _ := s.w.Count()
	s.WaitHeight(now, s.All()...)
	s.Logf("round %d, %s: %s; first commit above %d after %s, all sign after %s", number, length.Round(time.Second), strings.Join(said, "; "), height,
		first.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	return first
}

// mend ends all faults.
func (s *storm) mend() {
	s.Helper()
	s.thawAll()
	for i := range s.skews {
		s.setClock(i, 0, 1)
	}
	s.l.lose(0)
	s.l.wires.use(wire{})
	s.l.cut()
	s.StartAll()
}

// aliveAll fails if a node ended by itself.
func (s *storm) aliveAll() {
	s.Helper()
	for _, i := range s.All() {
		if err := s.Death(i); err != nil {
			s.Fatalf("node%d ended by itself: %v", i, err)
		}
	}
}

// Faults of all kinds, drawn from the seed, for -minutes: partitions, processes killed
// and frozen, clocks that go wrong, bad links, under load. After each round all is mended
// and the network must come back; at the end the history of the clients, the vote logs
// and all nodes must agree. (The instants are of the seed, what the machine makes of
// them is not: a seed run again meets the same faults and not the same messages.)
func TestStorm(t *testing.T) {
	if !apart(t) {
		return
	}
	s := newStorm(t)
	s.StartAll()
	s.WaitSigning(s.All()...)
	s.w = s.Follow(t.Context())
	tr := s.Send(s.w, 0, 30, 40, s.All()...)
	h, stop := s.record(s.rng, 900, 8)
	s.h = h
	s.flows(tr, 50)
	var firsts []time.Duration
	end := time.Now().Add(time.Duration(*minutesFlag * float64(time.Minute)))
	for number := 1; number == 1 || time.Now().Before(end); number++ {
		length := time.Duration(5+s.rng.IntN(55)) * time.Second
		firsts = append(firsts, s.round(number, min(length, max(5*time.Second, time.Until(end)))))
		s.w.Check()
		s.flows(tr, 20)
		h.waitAnswers(20)
	}
	tr.Stop()
	stop()
	tr.Check()
	s.w.Hold(1, s.All()...)
	h.check(s.w)
	s.NoConflict()
	s.sameState()
	s.Kill(s.All()...)
	prepares, commits := s.Votes()
	height, txs := s.w.Count()
	var did []string
	for _, f := range faults {
		did = append(did, fmt.Sprintf("%s %d", f.name, s.did[f.name]))
	}
	t.Logf("%d rounds; faults: %s", len(firsts), strings.Join(did, ", "))
	t.Logf("mended to first commit: %s", distribution(firsts))
	t.Logf("%d prepare and %d commit votes on record, none of a view twice; %d transactions final in %d blocks", prepares, commits, txs, height)
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{rng: seeded(t), frozen: map[int]bool{}, did: map[string]int{}}
	s.cluster, s.l = newApart(t, devnet.Options{})
	t.Cleanup(s.thawAll) // before the processes are asked to end
	program := fleet.Build(t, "clockskew")
	for i, p := range s.Net.Nodes {
		s.skews = append(s.skews, filepath.Join(t.TempDir(), fmt.Sprintf("clock%d", i)))
		s.setClock(i, 0, 1)
		p.Binary = s.l.inSpace(i, program)
		p.Env = append(slices.Clone(p.Env), "BEDROCK_CLOCK_SKEW_FILE="+s.skews[i])
	}
	return s
}
