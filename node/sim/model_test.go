package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus/spec"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// modelNodes are held to the model; the last node may do what it likes there, as the
// Byzantine validator.
const modelNodes = 3

// modelled follows a run in the model, by what nodes write to their vote logs: each vote
// and timeout must be a step that the model allows. It ends where a run leaves what the
// model knows: its views of the first epoch, and two blocks a view.
type modelled struct {
	state spec.State
	ids   map[types.Hash]int8
	over  bool
	steps int
	err   error
}

// modelledLog is a node's vote log.
type modelledLog struct {
	engine.VoteLog
	m    *modelled
	node int
}

// Append implements engine.VoteLog.
func (l modelledLog) Append(r votelog.Record) error {
	err := l.VoteLog.Append(r)
	if err == nil && l.node < modelNodes {
		l.m.recorded(l.node, &r)
	}
	return err
}

// id numbers a block: the first and second of a view that anybody voted for.
func (m *modelled) id(h types.Hash, view uint64) int8 {
	if id, ok := m.ids[h]; ok {
		return id
	}
	for _, id := range []int8{2*int8(view) - 1, 2 * int8(view)} {
		if m.state.Parent[id] < 0 {
			m.ids[h] = id
			return id
		}
	}
	m.over = true
	return 0
}

// recorded follows one record: the lock, then what was signed with it. A body is on record
// with the vote for it. // rule: vote-durable
func (m *modelled) recorded(node int, r *votelog.Record) {
	s := &r.State
	commit := uint64(0)
	if s.Commit != nil {
		commit = s.Commit.View
	}
	if m.over || m.err != nil {
		return
	}
	if s.Epoch != 1 || max(s.VotedView, s.TimeoutView, s.Lock.View, commit) > spec.Views {
		m.over = true
		return
	}
	if me := m.state.Validators[node]; s.Lock.View > uint64(me.Lock+1)/2 {
		lock, ok := m.ids[s.Lock.Block]
		if !ok {
			m.err = fmt.Errorf("node %d locks a block of view %d that the model knows no vote for", node, s.Lock.View)
			return
		}
		m.step(node, "locks", func(v *spec.Validator, _ *spec.State) { v.Lock = lock })
	}
	if v := m.state.Validators[node]; commit > 0 && v.Commit[commit] == 0 {
		id := m.ids[s.Commit.Block]
		m.step(node, "votes to commit", func(v *spec.Validator, _ *spec.State) { v.Commit[commit] = id })
	}
	if t := s.TimeoutView; t > 0 && m.state.Validators[node].Timeout[t] == 0 {
		m.step(node, "gives up a view", func(v *spec.Validator, _ *spec.State) {
			v.Timeout[t], v.Left = int8(s.Lock.View)+1, int8(t)
		})
	}
	for _, b := range r.Blocks {
		m.voted(node, b)
	}
}

func (m *modelled) voted(node int, b *types.Block) {
	view := int8(b.Header.View)
	id := m.id(b.ID(), b.Header.View)
	parent, known := m.ids[b.Header.Parent]
	switch bit := 2 - id%2; {
	case m.over || known && m.state.Validators[node].Vote[view]&bit != 0:
	case !known:
		m.err = fmt.Errorf("node %d votes for a block on one that nobody voted for", node)
	default:
		m.step(node, "votes", func(v *spec.Validator, s *spec.State) {
			s.Parent[id] = parent
			v.Vote[view] |= bit
			v.Voted = max(v.Voted, view)
		})
	}
}

// step takes a step if the model allows it.
func (m *modelled) step(node int, what string, change func(*spec.Validator, *spec.State)) {
	if m.err != nil {
		return
	}
	want, found := m.state, false
	change(&want.Validators[node], &want)
	m.state.Next(spec.Rules{}, spec.Views, func(t spec.State) { found = found || t == want })
	if !found {
		m.err = fmt.Errorf("node %d %s, which the model does not allow:\nfrom %+v\nto   %+v", node, what, m.state, want)
		return
	}
	m.state = want
	m.steps++
}

// TestRunsRefineModel follows the first views of simulated runs in the model.
func TestRunsRefineModel(t *testing.T) {
	steps := 0
	for seed := uint64(1); seed <= max(*seedsFlag/2, 12); seed++ {
		m := &modelled{state: spec.Initial(), ids: map[types.Hash]int8{}}
		p := Plan{Seed: seed, Nodes: 4, Faulty: 3 * time.Second, Heal: 10 * time.Second, Delay: 80 * time.Millisecond,
			Loss: 0.1 * float64(seed%5), Partition: seed%2 == 0, Crash: true, CrashAll: seed%3 == 0}
		p.Conduct = func(w *World) Hooks {
			m.ids[w.Genesis()] = 0
			return Hooks{VoteLog: func(n *Node, l engine.VoteLog) engine.VoteLog {
				return modelledLog{VoteLog: l, m: m, node: n.Index()}
			}}
		}
		if _, err := Run(p); err != nil {
			t.Errorf("%v", err)
		}
		if m.err != nil {
			t.Errorf("seed %d: %v", seed, m.err)
		}
		steps += m.steps
	}
	if steps < 100 {
		t.Errorf("only %d steps of the model", steps)
	}
	t.Logf("%d steps of the model", steps)
}

// TestTheModelRefusesWhatIsBroken shows it records that break a rule.
func TestTheModelRefusesWhatIsBroken(t *testing.T) {
	genesis := types.SumHash([]byte("genesis"))
	block := func(n uint64) *types.Block {
		return &types.Block{Header: types.Header{Genesis: genesis, Epoch: 1, View: 1, Height: 1, Parent: genesis, TimestampMs: n}}
	}
	a, b := block(1), block(2)
	vote := votelog.Record{State: types.SafetyState{Epoch: 1, VotedView: 1, VotedBlock: a.ID()}, Blocks: []*types.Block{a}}
	lock := types.QC{Epoch: 1, View: 1, Height: 1, Block: a.ID()}
	commit := types.SafetyState{Epoch: 1, VotedView: 1, VotedBlock: a.ID(), Lock: lock,
		Commit: &types.Commit{View: 1, Height: 1, Block: a.ID()}}
	out := types.SafetyState{Epoch: 1, VotedView: 1, VotedBlock: a.ID(), TimeoutView: 1}
	for name, c := range map[string]struct {
		last votelog.Record
		bad  bool
	}{
		"a commit vote":                {votelog.Record{State: commit}, false},
		"a timeout":                    {votelog.Record{State: out}, false},
		"a second vote in the view":    {votelog.Record{State: vote.State, Blocks: []*types.Block{b}}, true},
		"a lock that nobody voted for": {votelog.Record{State: types.SafetyState{Epoch: 1, Lock: types.QC{Epoch: 1, View: 1, Block: b.ID()}}}, true},
		"a commit vote and a later timeout": {votelog.Record{State: types.SafetyState{Epoch: 1, TimeoutView: 2, Lock: lock,
			Commit: commit.Commit}}, false}, // one record: the vote came first
	} {
		m := &modelled{state: spec.Initial(), ids: map[types.Hash]int8{genesis: 0}}
		m.recorded(0, &vote)
		m.recorded(1, &vote)
		m.recorded(0, &c.last)
		if (m.err != nil) != c.bad {
			t.Errorf("%s: %v", name, m.err)
		}
	}
	m := &modelled{state: spec.Initial(), ids: map[types.Hash]int8{genesis: 0}}
	m.recorded(0, &vote)
	m.recorded(1, &vote)
	m.recorded(0, &votelog.Record{State: out})
	m.recorded(0, &votelog.Record{State: commit})
	if m.err == nil {
		t.Error("a commit vote after a timeout of its view is a step of the model")
	}
}
