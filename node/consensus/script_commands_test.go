package consensus

import (
	"github.com/bedrock-bft/bedrock/node/types"
)

var scriptCommands map[string]func(*script, args)

func init() {
	scriptCommands = map[string]func(*script, args){
		"start":    (*script).begin,
		"restart":  (*script).restart,
		"block":    (*script).defineBlock,
		"propose":  (*script).propose,
		"prepare":  (*script).prepare,
		"commit":   (*script).commit,
		"timeout":  (*script).timeout,
		"qc":       func(s *script, a args) { s.from(a, types.Message{QC: s.makeQC(a["0"], a)}) },
		"cc":       func(s *script, a args) { s.from(a, types.Message{CC: s.makeCC(a["0"], a)}) },
		"tc":       func(s *script, a args) { s.from(a, types.Message{TC: s.makeTC(a)}) },
		"verified": func(s *script, a args) { s.step(BlockVerified{ID: s.id(a["0"]), Valid: !a.has("no")}) },
		"executed": (*script).executed,
		"built":    (*script).built,
		"fetched":  func(s *script, a args) { s.step(BlockFetched{From: fakePeer(1), Block: s.blocks[a["0"]]}) },
		"tick":     (*script).tick,
		"work":     func(s *script, a args) { s.step(WorkWaiting{Waiting: !a.has("no")}) },
		"signing": func(s *script, a args) {
			s.step(SigningAllowed{Allowed: !a.has("no"), Reason: "held"})
		},
		"stored": func(s *script, a args) {
			s.step(StoreProgress{SyncedHeight: a.u64("height"), LogBytes: a.u64("log")})
		},
		"ready":   (*script).ready,
		"synced":  (*script).synced,
		"started": (*script).epochStarted,
		"asked": func(s *script, a args) {
			epoch := uint64(len(s.epochs))
			if a.has("epoch") {
				epoch = a.u64("epoch")
			}
			s.step(CertificatesAsked{From: fakePeer(int(a.u64("from"))), Epoch: epoch, View: a.u64("view")})
		},
		"status": (*script).status,
		"crowd":  (*script).crowd,
		"holds":  (*script).holds,
		"echo":   (*script).echo,
	}
}

func (s *script) id(name string) types.Hash {
	if name == "genesis" {
		return fakeGenesis
	}
	b := s.blocks[name]
	if b == nil {
		s.t.Fatalf("no block %q", name)
	}
	return b.ID()
}

func (s *script) height(name string) uint64 {
	if name == "genesis" {
		return 0
	}
	return s.blocks[name].Header.Height
}

// defineBlock makes a block: block NAME on=PARENT view=V [empty] [bytes=N] [time=MS].
func (s *script) defineBlock(a args) {
	name, parent := a["0"], a["on"]
	b := &types.Block{}
	if !a.has("empty") {
		b.Payload = [][]byte{[]byte("tx of " + name)}
	}
	if a.has("bytes") {
		b.Payload = [][]byte{make([]byte, a.u64("bytes"))}
	}
	at := uint64(2000)
	if p := s.blocks[parent]; p != nil {
		at = p.Header.TimestampMs
	}
	at++
	if a.has("time") {
		at = a.u64("time")
	}
	height := s.height(parent) + 1
	if a.has("height") {
		height = a.u64("height")
	}
	set := s.set()
	proposer := set.Leader(a.u64("view"))
	if a.has("by") {
		proposer = uint32(a.u64("by"))
	}
	s.keepBlock(name, b, a.u64("view"), height, s.id(parent), proposer, at)
	if a.has("foreign") { // of another chain
		b.Header.Genesis = types.SumHash([]byte("another genesis"))
		s.names[b.ID()] = name
	}
}

func (s *script) set() *types.ValidatorSet {
	set, err := types.NewValidatorSet(fakeGenesis, *s.epoch(), fakeScheme{})
	if err != nil {
		s.t.Fatal(err)
	}
	return set
}

func (s *script) keepBlock(name string, b *types.Block, view, height uint64, parent types.Hash, proposer uint32, at uint64) {
	b.Header = types.Header{Genesis: fakeGenesis, Epoch: s.epoch().Number, View: view, Height: height, Parent: parent,
		Proposer: proposer, TimestampMs: at, PayloadRoot: types.ListRoot(b.Payload), EvidenceRoot: types.ListRoot(nil)}
	s.blocks[name] = b
	s.names[b.ID()] = name
}

// key is the key of member i of the present epoch.
func (s *script) key(i int) []byte { return fakeKey(s.member(i)) }

// member is whose keys index i of the present epoch has; one out of range is that of
// nobody in the set.
func (s *script) member(i int) int {
	if m := s.members[len(s.members)-1]; i < len(m) {
		return m[i]
	}
	return i
}

// from delivers a message over the connection of via= (default: member 1's).
func (s *script) from(a args, m types.Message) {
	via := 1
	if a.has("via") {
		via = int(a.u64("via"))
	}
	if a.has("forged") {
		s.forge(&m)
	}
	s.step(Received{From: fakePeer(via), Message: m})
}

func (s *script) forge(m *types.Message) {
	switch {
	case m.QC != nil && m.QC.Prepares != nil:
		m.QC.Prepares.Signature[0] ^= 1
	case m.CC != nil:
		m.CC.Commits.Signature[0] ^= 1
	case m.TC != nil:
		m.TC.Groups[0].Sigs.Signature[0] ^= 1
	}
}

// members that vote: from=, and over whose connection: their own or via=.
func (s *script) each(a args, make func(i int) types.Message) {
	for _, i := range a.list("from") {
		m := signMessage(make(i), s.key(i))
		if a.has("forged") {
			m = signMessage(make(i), fakeKey(55))
		}
		if a.has("again") {
			change(m, other)
		}
		if a.has("cut") {
			change(m, func(sig []byte) []byte { return sig[:7] })
		}
		s.step(Received{From: s.via(a, i), Message: m})
	}
}

// via is over whose connection a message of member i comes: its own, that of
// another (via=K), or as the Core's own (via=own).
func (s *script) via(a args, i int) Peer {
	switch {
	case a["via"] == "own":
		return Peer{}
	case a.has("via"):
		return fakePeer(int(a.u64("via")))
	}
	return fakePeer(s.member(i))
}

func (s *script) prepare(a args) {
	b := s.blocks[a["0"]]
	height := b.Header.Height
	if a.has("height") {
		height = a.u64("height")
	}
	s.each(a, func(i int) types.Message {
		return types.Message{Prepare: &types.SignedPrepare{Epoch: s.number(a), Validator: uint32(i),
			Vote: types.Prepare{View: s.viewOr(a, b.Header.View), Height: height, Block: b.ID()}}}
	})
}

func (s *script) number(a args) uint64 {
	if a.has("epoch") {
		return a.u64("epoch")
	}
	return s.epoch().Number
}

func (s *script) viewOr(a args, v uint64) uint64 {
	if a.has("view") {
		return a.u64("view")
	}
	return v
}

// outcomeOf is the outcome of a block as script's executions go; outcome=X names
// that of another block, outcome=other one that nobody has.
func (s *script) outcomeOf(name string, a args) types.Outcome {
	if a.has("outcome") {
		name = a["outcome"]
	}
	if name == "other" {
		o := s.outcomeOf(a["0"], args{})
		o.StateRoot = types.SumHash([]byte("other"))
		return o
	}
	if o, ok := s.states[name]; ok {
		return o
	}
	b := s.blocks[name]
	parent := s.outcomeOf(s.name(b.Header.Parent), args{})
	o := types.Outcome{Height: b.Header.Height, Block: b.ID(), StateRoot: stateAfter(parent, b), ReceiptsRoot: types.ListRoot(nil),
		FailedRun: types.NoFailedRun, Parent: parent.Hash()}
	s.states[name] = o
	return o
}

func stateAfter(parent types.Outcome, b *types.Block) types.Hash {
	id := b.ID()
	return types.SumHash(append(parent.StateRoot[:], id[:]...))
}

func (s *script) commit(a args) {
	b := s.blocks[a["0"]]
	o := s.outcomeOf(a["0"], a)
	s.each(a, func(i int) types.Message {
		return types.Message{Commit: &types.SignedCommit{Epoch: s.number(a), Validator: uint32(i),
			Vote: types.Commit{View: s.viewOr(a, b.Header.View), Height: b.Header.Height, Block: b.ID(), Outcome: o.Hash()}}}
	})
}

// high makes the QC that high= names: a block, or the root.
func (s *script) high(name string) types.QC {
	if name == "" || name == "root" || name == "0" {
		return s.core.rootQC()
	}
	return *s.makeQC(name, args{})
}

func (s *script) timeout(a args) {
	high := s.high(a["high"])
	if a.has("forged-qc") {
		high.Prepares.Signature[0] ^= 1
	}
	view := high.View
	if a.has("reports") {
		view = a.u64("reports")
	}
	s.each(a, func(i int) types.Message {
		return types.Message{Timeout: &types.SignedTimeout{Epoch: s.number(a), Validator: uint32(i),
			Vote: types.Timeout{View: a.u64("view"), HighView: view}, High: high}}
	})
}

func (s *script) aggregateOf(m types.Signable, who []int) types.Aggregate {
	var sigs [][]byte
	for _, i := range who {
		sigs = append(sigs, fakeSign(s.key(i), m.SignBytes(s.set().Domain())))
	}
	agg, err := s.set().Aggregate(who, sigs)
	if err != nil {
		s.t.Fatal(err)
	}
	return agg
}

func signersOr(a args, who ...int) []int {
	if a.has("by") {
		return a.list("by")
	}
	return who
}

func (s *script) makeQC(name string, a args) *types.QC {
	if name == "root" || name == "genesis" {
		q := s.core.rootQC()
		return &q
	}
	b := s.blocks[name]
	if a.has("commits") {
		cc := s.makeCC(name, a)
		return &types.QC{Epoch: cc.Epoch, View: cc.View, Height: cc.Height, Block: cc.Block, Commit: cc}
	}
	agg := s.aggregateOf(types.Prepare{View: b.Header.View, Height: b.Header.Height, Block: b.ID()}, signersOr(a, 1, 2, 3))
	return &types.QC{Epoch: b.Header.Epoch, View: b.Header.View, Height: b.Header.Height, Block: b.ID(), Prepares: &agg}
}

func (s *script) makeCC(name string, a args) *types.CC {
	b := s.blocks[name]
	a["0"] = name
	o := s.outcomeOf(name, a)
	agg := s.aggregateOf(types.Commit{View: b.Header.View, Height: b.Header.Height, Block: b.ID(), Outcome: o.Hash()}, signersOr(a, 1, 2, 3))
	return &types.CC{Epoch: b.Header.Epoch, View: b.Header.View, Height: b.Header.Height, Block: b.ID(), Outcome: o, Commits: agg}
}

// makeTC: view=V high=NAME by=signers of the highest group, [low=signers of the root's].
func (s *script) makeTC(a args) *types.TC {
	high := s.high(a["high"])
	t := &types.TC{Epoch: s.epoch().Number, View: a.u64("view"), High: high}
	if low := a.list("low"); len(low) > 0 {
		t.Groups = append(t.Groups, types.TimeoutGroup{Sigs: s.aggregateOf(types.Timeout{View: t.View}, low)})
	}
	t.Groups = append(t.Groups, types.TimeoutGroup{HighView: high.View,
		Sigs: s.aggregateOf(types.Timeout{View: t.View, HighView: high.View}, signersOr(a, 1, 2, 3))})
	return t
}

// propose: propose KIND block=B [qc=B] [tc=V high=B] [id] [bad...].
func (s *script) propose(a args) {
	b := s.blocks[a["block"]]
	kind := map[string]types.Kind{"optimistic": 1, "normal": 2, "fallback": 3, "unknown": 9}[a["0"]]
	p := &types.Proposal{Epoch: s.number(a), Kind: kind, View: s.viewOr(a, b.Header.View), BlockID: b.ID(), Proposer: b.Header.Proposer, Block: b}
	if a.has("id") {
		p.Block = nil
	}
	if a.has("qc") {
		p.QC = s.makeQC(a["qc"], args{})
		if a.has("forged-qc") {
			p.QC.Prepares.Signature[0] ^= 1
		}
	}
	if a.has("tc") {
		p.TC = s.makeTC(args{"view": a["tc"], "high": a["high"], "by": "1,2,3"})
		if a.has("forged-tc") {
			p.TC.Groups[0].Sigs.Signature[0] ^= 1
		}
	}
	key := s.key(int(p.Proposer))
	if a.has("forged") {
		key = fakeKey(55)
	}
	if a.has("mislabelled") { // the id is that of another block
		p.BlockID = s.id(a["mislabelled"])
	}
	s.step(Received{From: s.via(a, int(p.Proposer)), Message: signMessage(types.Message{Proposal: p}, key)})
}
