package consensus

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/node/types"
)

// TestTranscripts plays testdata/*.txt: a command line, a line of dashes, and the
// effects that it must give, up to an empty line. `#` begins a comment. Run with
// UPDATE_TRANSCRIPTS=1 to write what the code gives, then read the difference.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if os.Getenv("UPDATE_TRANSCRIPTS") != "" {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// play gives the script with the effects filled in.
func play(t *testing.T, text string) string {
	s := &script{t: t, names: map[types.Hash]string{}, blocks: map[string]*types.Block{}}
	var out strings.Builder
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			if i+1 < len(lines) || line != "" {
				out.WriteString(line + "\n")
			}
			continue
		}
		s.command(line)
		out.WriteString(line + "\n----\n")
		for _, l := range s.out {
			out.WriteString(l + "\n")
		}
		s.out = nil
		for i+1 < len(lines) && lines[i+1] != "" && !strings.HasPrefix(lines[i+1], "#") {
			i++
		}
	}
	return out.String()
}

// script is one Core, among validators whose keys the script holds.
type script struct {
	t       *testing.T
	core    *Core
	cfg     Config
	start   Start
	now     Now
	names   map[types.Hash]string
	blocks  map[string]*types.Block
	epochs  []types.Epoch
	states  map[string]types.Outcome // by block
	build   BuildBlock               // asked for last
	late    BuildBlock               // and the one before
	logged  []*types.Block
	quiet   bool // own signatures are not given back
	wakes   bool
	outs    []types.SignedOutcome
	out     []string
	members [][]int // of each epoch: which keys
}

type args map[string]string

func (a args) has(k string) bool { _, ok := a[k]; return ok }
func (a args) u64(k string) uint64 {
	v, _ := strconv.ParseUint(a[k], 10, 64)
	return v
}
func (a args) list(k string) []int {
	var out []int
	if a[k] == "" {
		return nil
	}
	for _, s := range strings.Split(a[k], ",") {
		v, _ := strconv.Atoi(s)
		out = append(out, v)
	}
	return out
}

func (s *script) command(line string) {
	fields := strings.Fields(line)
	a := args{}
	for k, f := range fields[1:] {
		key, val, ok := strings.Cut(f, "=")
		if !ok && k == 0 {
			a["0"] = f
		}
		a[key] = val
	}
	if f := scriptCommands[fields[0]]; f != nil {
		f(s, a)
		return
	}
	s.t.Fatalf("unknown command %q", line)
}

func (s *script) epoch() *types.Epoch { return &s.epochs[len(s.epochs)-1] }

func (s *script) begin(a args) {
	n := 4
	if a.has("n") {
		n = int(a.u64("n"))
	}
	powers := map[int]uint64{}
	for i, p := range a.list("powers") {
		powers[i] = uint64(p)
	}
	var members []int
	for i := range n {
		members = append(members, i)
	}
	e := fakeEpoch(1, members, powers)
	root := fakeRoot(e)
	s.epochs, s.members = []types.Epoch{e}, [][]int{members}
	s.logged, s.outs = nil, nil
	s.names[fakeGenesis] = "genesis"
	s.states = map[string]types.Outcome{"genesis": root.Outcome}
	s.quiet, s.wakes = a.has("quiet"), a.has("wakes")
	self := a.u64("self")
	s.cfg = Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: DevnetTiming(), NetworkKey: fakePeer(int(self)), ConsensusKey: fakeKey(int(self))}
	if a.has("brought") { // a consensus key without the identity that the set pairs it with
		s.cfg.NetworkKey = fakePeer(77)
	}
	s.start = Start{Epoch: e, Root: root, Tip: root, SigningAllowed: !a.has("held")}
	s.now = Now{MonoMs: 1000, WallMs: 2000}
	s.boot()
}

func (s *script) boot() {
	core, effects, err := New(s.now, s.cfg, s.start)
	if err != nil {
		s.out = append(s.out, "error: "+err.Error())
		return
	}
	s.core = core
	s.show(effects)
}

func (s *script) step(ev Event) { s.show(s.core.Step(s.now, ev)) }

// show prints effects, and gives own signatures back.
func (s *script) show(effects []Effect) {
	var own []types.Message
	for _, x := range effects {
		if line := s.effect(x); line != "" {
			s.out = append(s.out, line)
		}
		if m, ok := x.(Sign); ok {
			own = append(own, signMessage(m.Message, s.cfg.ConsensusKey))
		}
	}
	if s.quiet {
		return
	}
	for _, m := range own {
		s.step(Received{Message: m})
	}
}

func (s *script) name(id types.Hash) string {
	if n := s.names[id]; n != "" {
		return n
	}
	return id.Short()
}

func (s *script) peers(ps []Peer) string {
	var out []string
	for _, p := range ps {
		out = append(out, s.peer(p))
	}
	return strings.Join(out, ",")
}

func (s *script) peer(p Peer) string {
	for i := range 12 {
		if fakePeer(i) == p {
			return strconv.Itoa(i)
		}
	}
	return "stranger"
}

func (s *script) blockNames(bs []*types.Block) string {
	var out []string
	for _, b := range bs {
		out = append(out, s.name(b.ID()))
	}
	return strings.Join(out, ",")
}

func (s *script) qc(q *types.QC) string {
	if q == nil {
		return "-"
	}
	kind := ""
	if q.Commit != nil && q.View > 0 {
		kind = " (CC)"
	}
	return fmt.Sprintf("%d:%s%s", q.View, s.name(q.Block), kind)
}

func (s *script) tc(t *types.TC) string {
	if t == nil {
		return "-"
	}
	return fmt.Sprintf("TC %d high %s", t.View, s.qc(&t.High))
}

func (s *script) message(m types.Message) string {
	switch {
	case m.Proposal != nil:
		p := m.Proposal
		kind := map[types.Kind]string{1: "optimistic", 2: "normal", 3: "fallback"}[p.Kind]
		out := fmt.Sprintf("%s proposal view=%d %s", kind, p.View, s.name(p.BlockID))
		if p.Block == nil {
			out += " by id"
		}
		if p.QC != nil {
			out += " qc=" + s.qc(p.QC)
		}
		if p.TC != nil {
			out += " " + s.tc(p.TC)
		}
		return out
	case m.Prepare != nil:
		return fmt.Sprintf("prepare view=%d %s", m.Prepare.Vote.View, s.name(m.Prepare.Vote.Block))
	case m.Commit != nil:
		return fmt.Sprintf("commit view=%d %s outcome=%s", m.Commit.Vote.View, s.name(m.Commit.Vote.Block), s.outcomeName(m.Commit.Vote.Outcome))
	case m.Timeout != nil:
		return fmt.Sprintf("timeout view=%d high=%s", m.Timeout.Vote.View, s.qc(&m.Timeout.High))
	case m.QC != nil:
		return "QC " + s.qc(m.QC)
	case m.CC != nil:
		return fmt.Sprintf("CC %d:%s outcome=%s", m.CC.View, s.name(m.CC.Block), s.outcomeName(m.CC.Outcome.Hash()))
	case m.TC != nil:
		return s.tc(m.TC)
	}
	return fmt.Sprintf("start of epoch %d", m.EpochStart.Epoch.Number)
}

// outcomeName names an outcome by the block that it is of.
func (s *script) outcomeName(h types.Hash) string {
	for _, name := range sortedKeys(s.states) {
		if o := s.states[name]; o.Hash() == h {
			return name
		}
	}
	return "other"
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
