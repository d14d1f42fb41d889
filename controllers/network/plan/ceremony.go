package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/types"
)

// MaxGenesisBytes bounds a genesis document: what a ConfigMap holds.
const MaxGenesisBytes = 1_000_000

// Identity is the public record of a validator's identity, as its status has it.
type Identity struct {
	Identity     v1alpha1.Ed25519Key
	ConsensusKey v1alpha1.Key
	Possession   string
}

// Kept is a genesis document that was found in the namespace.
type Kept struct {
	ConfigMap string
	Genesis   *genesis.Genesis // nil: it is none, see Problem
	Problem   string
}

// CeremonyInput is what the genesis step knows.
type CeremonyInput struct {
	Network string
	Spec    *v1alpha1.BedrockNetworkSpec
	// Recorded is the status: records and genesis, once written.
	Records  []v1alpha1.CeremonyRecord
	Recorded *v1alpha1.GenesisStatus
	Operator v1alpha1.Ed25519Key // empty: not there yet
	Wanted   []Wanted
	// Identities of the first instances, by validator's name.
	Identities map[string]Identity
	// Found are the genesis documents that carry the network's labels, or with Given
	// the one that the spec names.
	Found []Kept
	// Volumes are the validators of whom signer volumes are there, those that left
	// the chain aside.
	Volumes []string
	// Begun are signer volumes of wanted validators on which nodes of a chain ran.
	Begun    []Begun
	Now      time.Time
	Executor types.Hash
}

// Begun is a signer volume whose node ran on a chain.
type Begun struct {
	Claim   string
	Genesis v1alpha1.Hash
}

// Ceremony is what the genesis step decides.
type Ceremony struct {
	// Verdict is the condition GenesisReady.
	Verdict verdict.Verdict
	// Stop: nothing may be made until a person has acted.
	Stop bool
	// Record is to be written into the status, before anything else.
	Record  *v1alpha1.GenesisStatus
	Records []v1alpha1.CeremonyRecord
	// Create is the document to create, which is the recorded one.
	Create *genesis.Genesis
	// Genesis is the document that runs: it is there, and is the recorded one.
	Genesis *genesis.Genesis
}

func ready(kept *Kept) Ceremony {
	return Ceremony{Genesis: kept.Genesis, Verdict: verdict.True(v1alpha1.NetworkGenesisReady, v1alpha1.ReasonReady,
		fmt.Sprintf("chain %s, genesis hash %s, in ConfigMap %s", kept.Genesis.ChainID, kept.Genesis.Hash(), kept.ConfigMap))}
}

func waits(reason, format string, args ...any) Ceremony {
	return Ceremony{Verdict: verdict.False(v1alpha1.NetworkGenesisReady, reason, fmt.Sprintf(format, args...))}
}

func stops(reason, format string, args ...any) Ceremony {
	c := waits(reason, format, args...)
	c.Stop = true
	return c
}

// Genesis decides on the genesis of a network. // rule: ceremony
func Genesis(in CeremonyInput) Ceremony {
	for _, step := range []func(*CeremonyInput) (Ceremony, bool){given, recorded, kept, keptAlone, identified} {
		if c, done := step(&in); done {
			return c
		}
	}
	return begin(&in)
}

// given: the document was made elsewhere.
func given(in *CeremonyInput) (Ceremony, bool) {
	if in.Spec.Genesis.Type != v1alpha1.GenesisGiven || in.Spec.Genesis.Given == nil {
		return Ceremony{}, false
	}
	g := in.Spec.Genesis.Given
	if len(in.Found) == 0 {
		return waits("GenesisNotFound", "ConfigMap %s is not there: make it, with the document under the key genesis.json", g.ConfigMap), true
	}
	k := &in.Found[0]
	switch {
	case k.Genesis == nil:
		return stops("GenesisInvalid", "ConfigMap %s holds no genesis: %s", k.ConfigMap, k.Problem), true
	case k.Genesis.Hash().String() != string(g.Hash):
		return stops(v1alpha1.ReasonGenesisConflict, "ConfigMap %s holds a genesis with hash %s, genesis.given.hash is %s: put the document of the chain there", k.ConfigMap, k.Genesis.Hash(), g.Hash), true
	case k.Genesis.ChainID != in.Spec.ChainID:
		return stops(v1alpha1.ReasonGenesisConflict, "ConfigMap %s holds the genesis of chain %s, spec.chainID is %s", k.ConfigMap, k.Genesis.ChainID, in.Spec.ChainID), true
	case in.Recorded == nil:
		c := waits("Recording", "the genesis %s is recorded", g.Hash)
		c.Record, c.Records = statusOf(k), nil
		return c, true
	}
	return ready(k), true
}

// recorded: the status names the genesis. What is found must be that one; where none
// is, it is made again from the records, to the same bytes.
func recorded(in *CeremonyInput) (Ceremony, bool) {
	if in.Recorded == nil {
		return Ceremony{}, false
	}
	hash := string(in.Recorded.Hash)
	for i := range in.Found {
		k := &in.Found[i]
		if k.Genesis == nil {
			return stops(v1alpha1.ReasonGenesisConflict, "ConfigMap %s should hold the genesis %s and does not: %s; restore it from a copy (any node's) or delete it, and it is made again from the records", k.ConfigMap, hash, k.Problem), true
		}
		if other := k.Genesis.Hash().String(); other != hash {
			return stops(v1alpha1.ReasonGenesisConflict, "the network's genesis is %s, and ConfigMap %s holds another, %s: a network has one genesis; move that ConfigMap away if it is not this network's", hash, k.ConfigMap, other), true
		}
	}
	if len(in.Found) > 0 {
		return ready(&in.Found[0]), true
	}
	executor, err := hashOf(in.Recorded.Executor)
	if err != nil {
		return stops("GenesisLost", "ConfigMap %s is gone and no module is recorded to make it again: restore it from a copy (any node's)", in.Recorded.ConfigMap), true
	}
	g, err := Document(in.document(in.Records, in.Recorded.Time.Time, executor))
	if err != nil {
		return stops("GenesisLost", "ConfigMap %s is gone and cannot be made again from the records: %v; restore it from a copy (any node's)", in.Recorded.ConfigMap, err), true
	}
	if g.Hash().String() != hash {
		return stops(v1alpha1.ReasonGenesisConflict, "the recorded genesis is %s, but the records give %s: ConfigMap %s must be restored from a copy (any node's)", hash, g.Hash(), in.Recorded.ConfigMap), true
	}
	c := waits("Creating", "ConfigMap %s is made", in.Recorded.ConfigMap)
	c.Create = g
	return c, true
}

// kept: the network is new and its volumes or genesis are not: it was deleted and
// applied again. The same chain goes on, another is refused.
func kept(in *CeremonyInput) (Ceremony, bool) {
	if len(in.Found) == 0 {
		return Ceremony{}, false
	}
	if len(in.Found) > 1 {
		all := make([]string, len(in.Found))
		for i := range in.Found {
			all[i] = in.Found[i].ConfigMap
		}
		return stops(v1alpha1.ReasonGenesisConflict, "several genesis documents are kept here, in ConfigMaps %s: delete those that are not this network's", strings.Join(all, " and ")), true
	}
	k := &in.Found[0]
	if k.Genesis == nil {
		return stops("GenesisInvalid", "ConfigMap %s is kept here and holds no genesis: %s", k.ConfigMap, k.Problem), true
	}
	if k.Genesis.ChainID != in.Spec.ChainID {
		return stops(v1alpha1.ReasonGenesisConflict, "kept here is chain %s (ConfigMap %s), spec.chainID is %s: set it back, or use another name or namespace for another chain", k.Genesis.ChainID, k.ConfigMap, in.Spec.ChainID), true
	}
	if c, refused := in.othersKept(k); refused {
		return c, true
	}
	c := waits("Recording", "the kept genesis %s is taken up again", k.Genesis.Hash())
	c.Record, c.Records = statusOf(k), recordsOf(k.Genesis)
	return c, true
}

// othersKept refuses a count other than that of the kept volumes, and other terms of
// the ceremony than those that the kept genesis was made of.
func (in *CeremonyInput) othersKept(k *Kept) (Ceremony, bool) {
	keptNames := in.Volumes
	if len(keptNames) == 0 {
		for i := range k.Genesis.Validators {
			keptNames = append(keptNames, k.Genesis.Validators[i].Moniker)
		}
	}
	keptNames = slices.Sorted(slices.Values(keptNames))
	wantedNames := slices.Sorted(slices.Values(NamesOf(in.Wanted)))
	if !slices.Equal(keptNames, wantedNames) {
		return stops(v1alpha1.ReasonGenesisConflict, "kept here are %d validators (%s), the spec asks for %d (%s): apply the kept number first; once the chain runs, change it",
			len(keptNames), strings.Join(keptNames, ", "), len(wantedNames), strings.Join(wantedNames, ", ")), true
	}
	if in.Operator == "" {
		return Ceremony{}, false // without the key nothing can be compared; the chain is the same by its id and volumes
	}
	again, err := Document(in.document(recordsOf(k.Genesis), time.UnixMilli(int64(k.Genesis.TimeMs)), k.Genesis.ExecutorHash))
	if err != nil || again.Hash() != k.Genesis.Hash() {
		of := "no genesis at all"
		if err == nil {
			of = again.Hash().String()
		}
		return stops(v1alpha1.ReasonGenesisConflict, "kept here is the genesis %s (ConfigMap %s), and spec.genesis with the operator's key gives %s: set spec.genesis (and the Secret of the operator's key) back to what the chain was made with",
			k.Genesis.Hash(), k.ConfigMap, of), true
	}
	return Ceremony{}, false
}

// keptAlone: volumes of a chain are kept here, and its genesis is not. Another one over the
// same identities would be a chain that none of their databases takes. // rule: ceremony
func keptAlone(in *CeremonyInput) (Ceremony, bool) {
	if len(in.Begun) == 0 {
		return Ceremony{}, false
	}
	b := &in.Begun[0]
	return stops("GenesisLost", "claim %s is of a node that ran with the genesis %s, and no ConfigMap here holds that: restore %s from a copy, with its labels %s=%s and %s=%s, and the same chain goes on. For another chain use another name or namespace, or delete the kept claims",
		b.Claim, b.Genesis, names.GenesisConfigMap(in.Network, b.Genesis), v1alpha1.LabelNetwork, in.Network, v1alpha1.LabelComponent, v1alpha1.ComponentGenesis), true
}

// identified: a ceremony needs the operator's key and every validator's record.
func identified(in *CeremonyInput) (Ceremony, bool) {
	if in.Operator == "" {
		return waits(v1alpha1.ReasonWaiting, "the operator's key is not there yet"), true
	}
	var missing []string
	for _, w := range in.Wanted {
		if in.Identities[w.Name].Identity == "" {
			missing = append(missing, w.Name)
		}
	}
	if len(missing) > 0 {
		return waits("AwaitingIdentities", "%d of %d validators have their identity; waiting for %s",
			len(in.Wanted)-len(missing), len(in.Wanted), some(missing)), true
	}
	return Ceremony{}, false
}

// begin records the ceremony: all records, the time and the module, together.
func begin(in *CeremonyInput) Ceremony {
	at := in.Now.UTC().Truncate(time.Second)
	var records []v1alpha1.CeremonyRecord
	for _, w := range in.Wanted {
		id := in.Identities[w.Name]
		records = append(records, v1alpha1.CeremonyRecord{Validator: v1alpha1.Name(w.Name), Identity: id.Identity, ConsensusKey: id.ConsensusKey, Possession: id.Possession, Power: w.Power})
	}
	g, err := Document(in.document(records, at, in.Executor))
	if err != nil {
		return stops("GenesisRefused", "the spec and the validators' records give no genesis: %v", err)
	}
	if len(g.Bytes()) > MaxGenesisBytes {
		return stops("GenesisRefused", "the genesis would have %d bytes, a ConfigMap holds %d: name fewer accounts", len(g.Bytes()), MaxGenesisBytes)
	}
	c := waits("Recording", "the %d records and the genesis hash %s are recorded", len(records), g.Hash())
	c.Records = records
	c.Record = &v1alpha1.GenesisStatus{Hash: v1alpha1.Hash(g.Hash().String()), Time: metav1.NewTime(at), Executor: v1alpha1.Hash(in.Executor.String())}
	c.Record.ConfigMap = names.GenesisConfigMap(in.Network, c.Record.Hash)
	return c
}

func (in *CeremonyInput) document(records []v1alpha1.CeremonyRecord, at time.Time, executor types.Hash) GenesisInput {
	return GenesisInput{ChainID: in.Spec.ChainID, Ceremony: in.Spec.Genesis.Ceremony, Records: records, Time: at, Operator: in.Operator, Executor: executor}
}

func statusOf(k *Kept) *v1alpha1.GenesisStatus {
	return &v1alpha1.GenesisStatus{Hash: v1alpha1.Hash(k.Genesis.Hash().String()), ConfigMap: k.ConfigMap,
		Time: metav1.NewTime(time.UnixMilli(int64(k.Genesis.TimeMs)).UTC().Truncate(time.Second)), Executor: v1alpha1.Hash(k.Genesis.ExecutorHash.String())}
}

// recordsOf are the records that a genesis was made of.
func recordsOf(g *genesis.Genesis) []v1alpha1.CeremonyRecord {
	var out []v1alpha1.CeremonyRecord
	for i := range min(len(g.Validators), MaxValidators) {
		v := &g.Validators[i]
		out = append(out, v1alpha1.CeremonyRecord{Validator: v1alpha1.Name(v.Moniker), Identity: v1alpha1.Ed25519Key(fmt.Sprintf("%x", []byte(v.NetworkKey))),
			ConsensusKey: v1alpha1.Key(fmt.Sprintf("%x", []byte(v.ConsensusKey))), Possession: fmt.Sprintf("%x", []byte(v.Possession)), Power: int64(v.Power)})
	}
	return out
}

func hashOf(h v1alpha1.Hash) (types.Hash, error) {
	var out types.Hash
	err := out.UnmarshalText([]byte(h))
	return out, err
}

// some names at most five.
func some(list []string) string {
	if len(list) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:5], ", "), len(list)-5)
	}
	return strings.Join(list, ", ")
}
