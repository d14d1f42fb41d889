package byzantine

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Setup says which validators of a run are Byzantine, and how.
type Setup struct {
	// Conduct is each one's, by validator.
	Conduct map[int]string `json:"conduct"`
	// Beyond lets them have a third of the power or more.
	Beyond bool `json:"beyond,omitempty"`
	// SettleMs replaces the genesis' settle; 0: it stays.
	SettleMs uint64 `json:"settle_ms,omitempty"`
}

// String names the validators and their conduct.
func (s Setup) String() string {
	var all []string
	for _, v := range slices.Sorted(maps.Keys(s.Conduct)) {
		all = append(all, fmt.Sprintf("%d: %s", v, s.Conduct[v]))
	}
	return strings.Join(all, ", ")
}

// Names are all conducts there are, sorted.
func Names() []string { return slices.Sorted(maps.Keys(traits)) }

// Draw makes up to a third of the validators Byzantine, as the seed says.
func Draw(seed uint64, nodes int) Setup {
	rng := chance(seed, "byzantine")
	names := Names()
	s := Setup{Conduct: map[int]string{}}
	most := (nodes - 1) / 3
	if most == 0 {
		return s
	}
	for _, v := range rng.Perm(nodes)[:1+rng.IntN(most)] {
		s.Conduct[v] = names[rng.IntN(len(names))]
	}
	if rng.IntN(5) == 0 { // all of them keep one certificate to themselves
		for v := range s.Conduct {
			s.Conduct[v] = hidden
		}
	}
	return s
}

// Same gives as many validators as can be the same conduct.
func Same(name string, nodes int) Setup {
	s := Setup{Conduct: map[int]string{}}
	for v := range (nodes - 1) / 3 {
		s.Conduct[nodes-1-v] = name
	}
	return s
}

func chance(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// On puts the conduct into a plan, and answers where the run reports what came of it.
func (s Setup) On(p sim.Plan) (sim.Plan, *Report, error) {
	for v, name := range s.Conduct {
		if v < 0 || v >= p.Nodes {
			return p, nil, fmt.Errorf("conduct %q of validator %d: the plan has %d", name, v, p.Nodes)
		}
		if traits[name] == nil {
			return p, nil, fmt.Errorf("conduct %q is not known: use one of %s", name, strings.Join(Names(), ", "))
		}
	}
	report := newReport()
	p.Conduct = func(w *sim.World) sim.Hooks { return newKit(w, s, report).hooks() }
	p.Heal += longer * time.Duration(len(s.Conduct))
	return p, report, nil
}

// longer is how much more time honest nodes have to commit in, for each Byzantine one:
// its views run into their timers.
const longer = 15 * time.Second

// Report is what the Byzantine validators of a run did, and what became of it.
type Report struct {
	Did       map[string]int             `json:"did"`       // messages made, changed or held back, by conduct
	Penalised map[string]int             `json:"penalised"` // Byzantine peers by honest nodes, by reason
	Evidence  map[types.EvidenceKind]int `json:"evidence"`  // published by honest nodes
	Views     Views                      `json:"views"`
}

func newReport() *Report {
	return &Report{Did: map[string]int{}, Penalised: map[string]int{}, Evidence: map[types.EvidenceKind]int{}}
}

// kit is the Byzantine side of one run: they all know what each of them knows.
type kit struct {
	w       *sim.World
	setup   Setup
	report  *Report
	memory  *memory
	views   *views
	puppets map[int]*puppet // by node
	twins   []int
	ambush  *ambush
}

func newKit(w *sim.World, s Setup, r *Report) *kit {
	k := &kit{w: w, setup: s, report: r, memory: newMemory(), puppets: map[int]*puppet{}}
	k.views = newViews(k)
	for _, v := range slices.Sorted(maps.Keys(s.Conduct)) {
		k.puppets[v] = newPuppet(k, v, v, s.Conduct[v])
		if traits[s.Conduct[v]].twin {
			node := w.Plan().Nodes + len(k.twins)
			k.twins = append(k.twins, v)
			k.puppets[node] = newPuppet(k, node, v, s.Conduct[v])
		}
	}
	k.ambush = newAmbush(k)
	return k
}

func (k *kit) faulty(v int) bool { return k.setup.Conduct[v] != "" }

// did counts what a conduct did.
func (k *kit) did(name string) { k.report.Did[name]++ }

// set is that of an epoch; nil: it has not begun.
func (k *kit) set(epoch uint64) *types.ValidatorSet { return k.w.Set(epoch) }

// leader is the node that leads a view; false: the epoch has not begun.
func (k *kit) leader(epoch, view uint64) (int, bool) {
	set := k.set(epoch)
	if set == nil || view == 0 {
		return 0, false
	}
	return k.w.IndexOf(set.Epoch.Validators[set.Leader(view)].NetworkKey)
}

// honest are the nodes of honest validators.
func (k *kit) honest() (all []int) {
	for i := range k.w.Plan().Nodes {
		if !k.faulty(i) {
			all = append(all, i)
		}
	}
	return all
}

// timing puts the genesis' settle in its place.
func (k *kit) timing(t *consensus.Timing) {
	if k.setup.SettleMs > 0 {
		t.SettleMs = k.setup.SettleMs
	}
}

// sorted are a count's names.
func sorted(count map[string]int) []string { return slices.Sorted(maps.Keys(count)) }

// add adds another run's report, for campaigns.
func (r *Report) add(other *Report) {
	for name, n := range other.Did {
		r.Did[name] += n
	}
	for reason, n := range other.Penalised {
		r.Penalised[reason] += n
	}
	for kind, n := range other.Evidence {
		r.Evidence[kind] += n
	}
	r.Views.Honest += other.Views.Honest
	r.Views.ByTimeout += other.Views.ByTimeout
	r.Views.Lost += other.Views.Lost
	r.Views.Byzantine += other.Views.Byzantine
	r.Views.LostViews = append(r.Views.LostViews, other.Views.LostViews...)
	r.Views.LongestGap = max(r.Views.LongestGap, other.Views.LongestGap)
}
