package consensus

import (
	"fmt"
	"strings"

	"github.com/bedrock-bft/bedrock/node/types"
)

// executed: executed B [failed] [root=x] [more] [epoch=members of the next].
func (s *script) executed(a args) {
	b := s.blocks[a["0"]]
	parent := s.outcomeOf(s.name(b.Header.Parent), args{})
	ev := BlockExecuted{ID: b.ID(), Success: !a.has("failed"), StateRoot: stateAfter(parent, b), ReceiptsRoot: types.ListRoot(nil), MoreWork: a.has("more")}
	if a.has("failed") {
		ev.StateRoot = parent.StateRoot
	}
	if a.has("root") {
		ev.StateRoot = types.SumHash([]byte(a["root"]))
	}
	if a.has("epoch") {
		next := fakeEpoch(s.epoch().Number+1, a.list("epoch"), nil)
		if a.has("executor") {
			next.ExecutorHash = types.SumHash([]byte(a["executor"]))
		}
		if a.has("scheme") {
			next.Scheme = types.SchemeID(a.u64("scheme"))
		}
		ev.Change = &next
	}
	if ev.Success && ev.Change == nil && !a.has("root") {
		s.outcomeOf(a["0"], args{})
	}
	s.step(ev)
	if n := s.core.nodes[b.ID()]; n != nil && n.executed {
		if !a.has("root") {
			s.states[a["0"]] = n.outcome
		}
	}
}

// built answers the last BuildBlock (late: the one before): built NAME [empty|nothing].
func (s *script) built(a args) {
	x := s.build
	if a.has("late") {
		x = s.late
	}
	if a.has("nothing") {
		s.step(BlockBuilt{Kind: x.Kind, View: x.View})
		return
	}
	b := &types.Block{}
	if !a.has("empty") && !x.Empty {
		b.Payload = [][]byte{[]byte("tx of " + a["0"])}
	}
	s.keepBlock(a["0"], b, x.View, x.Height, x.Parent, x.Proposer, max(x.MinTimestampMs, s.now.WallMs))
	s.step(BlockBuilt{Kind: x.Kind, View: x.View, Block: b})
}

// tick lets time pass: tick MS [wall=MS].
func (s *script) tick(a args) {
	ms := a.u64("0")
	s.now.MonoMs += ms
	s.now.WallMs += ms
	if a.has("wall") {
		s.now.WallMs = a.u64("wall")
	}
	s.step(Tick{})
}

// restart starts again from what was persisted: restart [lost=B: without that body]
// [held] [stopped], [tip=B: the last final block that is stored].
func (s *script) restart(a args) {
	if a.has("tip") {
		h := &s.blocks[a["tip"]].Header
		cc := s.makeCC(a["tip"], args{})
		s.start.Tip = Final{View: h.View, TimestampMs: h.TimestampMs, Outcome: cc.Outcome, Certificate: cc}
		s.start.TipChange = s.core.tipChange
	}
	s.start.Blocks = nil
	for _, b := range s.logged {
		if s.name(b.ID()) != a["lost"] {
			s.start.Blocks = append(s.start.Blocks, b)
		}
	}
	s.start.Outcomes = s.outs
	s.start.SigningAllowed = !a.has("held")
	s.start.Stopped = a["stopped"]
	s.boot()
}

// ready: ready EPOCH members=i,j,..: the next executor is at hand.
func (s *script) ready(a args) {
	before := s.core.set.Epoch.Number
	if a.u64("0") == before+1 && s.core.tipChange != nil {
		s.epochs = append(s.epochs, *s.core.tipChange)
		var members []int
		for i := range s.core.tipChange.Validators {
			for k := range 12 {
				if Peer(s.core.tipChange.Validators[i].NetworkKey) == fakePeer(k) {
					members = append(members, k)
				}
			}
		}
		s.members = append(s.members, members)
		prev := s.epochs[len(s.epochs)-2]
		s.start.Previous = &prev
	}
	s.step(EpochReady{Number: a.u64("0")})
	if s.core.set.Epoch.Number == before+1 {
		s.start.Epoch = s.core.set.Epoch
		s.start.Root, s.start.Tip = s.core.root, s.core.root
	}
}

// synced: block sync got to a block: synced B [epoch=members].
func (s *script) synced(a args) {
	b := s.blocks[a["0"]]
	ev := Synced{Tip: Final{View: b.Header.View, TimestampMs: b.Header.TimestampMs, Outcome: s.outcomeOf(a["0"], args{}), Certificate: s.makeCC(a["0"], args{})}}
	if a.has("epoch") {
		next := fakeEpoch(s.epoch().Number+1, a.list("epoch"), nil)
		ev.Change = &next
		ev.Tip.Outcome.NextEpoch = next.Digest()
		s.states[a["0"]] = ev.Tip.Outcome
		ev.Tip.Certificate = s.makeCC(a["0"], args{})
	}
	s.step(ev)
}

// started delivers the proof of an epoch: started EPOCH members=i,j by=CC of block.
func (s *script) epochStarted(a args) {
	number := a.u64("0")
	e := fakeEpoch(number, a.list("members"), nil)
	m := &types.EpochStart{Epoch: e}
	if a.has("cc") {
		m.Certificate = s.makeCC(a["cc"], args{})
		if a.has("forged") {
			m.Certificate.Commits.Signature[0] ^= 1
		}
	}
	s.step(Received{From: fakePeer(1), Message: types.Message{EpochStart: m}})
}

func (s *script) status(args) {
	st := s.core.Status()
	out := fmt.Sprintf("epoch %d view %d leader %d self %d final %d %s lock %s timeout %d blocks %d", st.Epoch, st.View, st.Leader,
		st.Self, st.FinalHeight, s.name(st.FinalBlock), s.qc(&st.Lock), st.TimeoutView, st.Blocks)
	if !st.MaySign {
		out += " silent: " + st.WhyNot
	}
	s.out = append(s.out, out)
}

// echo lists what is held of a validator's signatures: echo INDEX [epoch=asked about].
func (s *script) echo(a args) {
	i := s.member(int(a.u64("0")))
	for _, m := range s.core.Newest(s.number(a), fakePeer(i), fakeKey(i)) {
		s.out = append(s.out, strings.TrimSpace(s.message(m)))
	}
	if len(s.out) == 0 {
		s.out = append(s.out, "none")
	}
}

// crowd: N strangers ask for certificates; what they get is counted.
func (s *script) crowd(a args) {
	answers := 0
	for i := range a.u64("0") {
		p := Peer(types.SumHash(fmt.Appendf(nil, "stranger %d", i)))
		for _, x := range s.core.Step(s.now, CertificatesAsked{From: p, Epoch: s.epoch().Number, View: a.u64("view")}) {
			if m, ok := x.(Send); ok && m.To == p {
				answers++
			}
		}
	}
	s.out = append(s.out, fmt.Sprintf("answered %d, remembers %d", answers, len(s.core.peers)))
}

// holds says whether the Core serves a block to others.
func (s *script) holds(a args) {
	if b := s.core.Block(s.id(a["0"])); b != nil {
		s.out = append(s.out, "yes")
		return
	}
	s.out = append(s.out, "no")
}
