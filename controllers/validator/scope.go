package validator

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// kinds are the conditions that this controller owns.
var kinds = []string{
	v1alpha1.ValidatorReady, v1alpha1.ValidatorVolumesReady, v1alpha1.ValidatorVolumesSized, v1alpha1.ValidatorIdentified, v1alpha1.ValidatorExposed,
	v1alpha1.ValidatorRunning, v1alpha1.ValidatorInSet, v1alpha1.ValidatorSigning,
}

// scope is one reconcile: what was read and what was decided so far.
type scope struct {
	r         *Reconciler
	log       *slog.Logger
	validator v1alpha1.Validator
	network   *v1alpha1.BedrockNetwork // nil: a foreign chain, or it is not there
	siblings  []v1alpha1.Validator     // of its network, itself included
	facts     facts
	instances []*instance
	chainName v1alpha1.Hash
	verdicts  map[string]verdict.Verdict
}

// facts are the chain's, as far as they are known.
type facts struct {
	known     bool // the network is there, or the chain is foreign
	chainID   string
	genesis   v1alpha1.Hash
	configMap string
	scheme    v1alpha1.Scheme
	image     string
	schema    int32 // that databases are migrated to
	policy    bool
	admin     []v1alpha1.Ed25519Key
	extra     []string // peers outside the cluster
}

// instance is one entry of the status with what was read of its objects.
type instance struct {
	entry  v1alpha1.Instance
	signer *corev1.PersistentVolumeClaim
	chain  *corev1.PersistentVolumeClaim
	set    *appsv1.StatefulSet
	pod    *corev1.Pod
	sound  bool // both claims have their recorded UIDs
	lost   bool // the signer volume is not the one with the identity
	marks  []string
}

// gather reads what the steps decide from.
func (s *scope) gather(ctx context.Context) error {
	s.verdicts = map[string]verdict.Verdict{}
	for _, kind := range kinds {
		s.set(verdict.Unknown(kind, v1alpha1.ReasonWaiting, "not looked at yet"))
	}
	s.chainName = s.validator.Status.ChainName
	for _, e := range s.validator.Status.Instances {
		s.instances = append(s.instances, &instance{entry: e})
	}
	if len(s.instances) == 0 {
		s.instances = []*instance{{entry: v1alpha1.Instance{Number: 1, Role: v1alpha1.InstanceActive}}}
	}
	if err := s.gatherChain(ctx); err != nil || !s.facts.known {
		return err
	}
	var err error
	if s.siblings, err = fleet.Validators(ctx, s.r, s.validator.Namespace, string(s.validator.Spec.Chain.Network)); err != nil {
		return err
	}
	for _, in := range s.instances {
		if err := s.gatherInstance(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) gatherChain(ctx context.Context) error {
	spec := &s.validator.Spec
	if spec.Chain.Type == v1alpha1.ChainForeign {
		return s.gatherForeign(ctx)
	}
	var network v1alpha1.BedrockNetwork
	key := client.ObjectKey{Namespace: s.validator.Namespace, Name: string(spec.Chain.Network)}
	if err := s.r.Get(ctx, key, &network); apierrors.IsNotFound(err) {
		s.setAll(verdict.False(v1alpha1.ValidatorReady, v1alpha1.ReasonNetworkNotFound, fmt.Sprintf("there is no BedrockNetwork %s in this namespace: make it, or delete this Validator", key.Name)))
		return nil
	} else if err != nil {
		return fmt.Errorf("read network %s: %w", key.Name, err)
	}
	s.network = &network
	f := &s.facts
	f.known, f.chainID, f.image, f.scheme = true, network.Spec.ChainID, network.Spec.Image, v1alpha1.SchemeEd25519
	if accepted := network.Status.Image; accepted != nil {
		f.image = accepted.Image // what the spec asks for may not be given to nodes yet
	}
	f.schema = network.Status.DatabaseSchema
	f.policy = network.Spec.NetworkPolicy != v1alpha1.Disabled
	if c := network.Spec.Genesis.Ceremony; c != nil && c.Scheme != "" {
		f.scheme = c.Scheme
	}
	if network.Status.OperatorKey != "" {
		f.admin = []v1alpha1.Ed25519Key{network.Status.OperatorKey}
	}
	if g := network.Status.Genesis; g != nil {
		f.genesis, f.configMap = g.Hash, g.ConfigMap
	}
	if given := network.Spec.Genesis.Given; given != nil {
		if err := s.readScheme(ctx, given); err != nil {
			return err
		}
	}
	if spec.Image != "" {
		f.image = spec.Image
	}
	return nil
}

func (s *scope) gatherForeign(ctx context.Context) error {
	foreign := s.validator.Spec.Chain.Foreign
	f := &s.facts
	f.known, f.image, f.policy = true, s.validator.Spec.Image, true
	f.genesis, f.configMap, f.extra = foreign.Genesis.Hash, string(foreign.Genesis.ConfigMap), foreign.Peers
	return s.readScheme(ctx, &foreign.Genesis)
}

func (s *scope) gatherInstance(ctx context.Context, in *instance) error {
	name, ns := s.validator.Name, s.validator.Namespace
	in.signer, in.chain = new(corev1.PersistentVolumeClaim), new(corev1.PersistentVolumeClaim)
	in.set, in.pod = new(appsv1.StatefulSet), new(corev1.Pod)
	for _, read := range []struct {
		name   string
		object client.Object
		forget func()
	}{
		{names.SignerClaim(name, in.entry.Number), in.signer, func() { in.signer = nil }},
		{names.ChainClaim(name, in.entry.Number), in.chain, func() { in.chain = nil }},
		{names.Instance(name, in.entry.Number), in.set, func() { in.set = nil }},
		{names.Pod(name, in.entry.Number), in.pod, func() { in.pod = nil }},
	} {
		found, err := s.r.find(ctx, client.ObjectKey{Namespace: ns, Name: read.name}, read.object)
		if err != nil {
			return err
		}
		if !found {
			read.forget()
		}
	}
	if in.signer == nil && in.entry.Identity != "" {
		// That a key is lost is never believed of the cache, which sees labels.
		var err error
		if in.signer, err = s.r.readClaim(ctx, ns, names.SignerClaim(name, in.entry.Number)); err != nil {
			return err
		}
	}
	return nil
}

// find is Get that says whether the object is there.
func (r *Reconciler) find(ctx context.Context, key client.ObjectKey, o client.Object) (bool, error) {
	err := r.Get(ctx, key, o)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %T %s: %w", o, key, err)
	}
	return true, nil
}

// active is the instance that conditions are about: the one that the chain names, or
// that will be the first.
func (s *scope) active() *instance {
	if n := s.validator.Status.ActiveInstance; n != 0 {
		if i := slices.IndexFunc(s.instances, func(in *instance) bool { return in.entry.Number == n }); i >= 0 {
			return s.instances[i]
		}
	}
	for _, in := range s.instances {
		if in.entry.Role != v1alpha1.InstanceSuccessor && in.entry.Role != v1alpha1.InstanceSuperseded {
			return in
		}
	}
	return s.instances[len(s.instances)-1]
}

func (s *scope) set(v verdict.Verdict) { s.verdicts[v.Type] = v }

// note sets a verdict about an instance where conditions are about that one. A
// successor's trouble is told beside the active one's state.
func (s *scope) note(in *instance, v verdict.Verdict) {
	if in == s.active() {
		s.set(v)
		return
	}
	if in.entry.Role != v1alpha1.InstanceSuccessor || v.OK() {
		return
	}
	if have, ok := s.verdicts[v.Type]; ok && have.OK() {
		have.Message += fmt.Sprintf("; instance %d: %s", in.entry.Number, v.Message)
		s.set(have)
	}
}

// setAll keeps the conditions as they are, but Ready.
func (s *scope) setAll(ready verdict.Verdict) {
	for _, c := range s.validator.Status.Conditions {
		if slices.Contains(kinds, c.Type) {
			s.set(verdict.Verdict{Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message})
		}
	}
	s.set(ready)
}

func (s *scope) paused() bool {
	return s.validator.Spec.Reconciliation == v1alpha1.ReconciliationPaused ||
		s.network != nil && s.network.Spec.Reconciliation == v1alpha1.ReconciliationPaused
}

func (s *scope) ready() bool { return s.verdicts[v1alpha1.ValidatorReady].OK() }

// inputs are what an instance's objects are made from.
func (s *scope) inputs(in *instance) *build.Instance {
	v := &s.validator
	spec := &v.Spec
	out := &build.Instance{
		Namespace: v.Namespace, Validator: v.Name, UID: v.UID, Network: string(spec.Chain.Network), Number: in.entry.Number,
		ChainID: s.facts.chainID, Genesis: s.facts.genesis, GenesisConfigMap: s.facts.configMap, Scheme: s.facts.scheme,
		Moniker: spec.Moniker, Image: s.facts.image, Marks: in.marks, AdminKeys: s.facts.admin, Sync: "auto", Schema: s.facts.schema,
		Compute: spec.Compute, Scheduling: spec.Scheduling, Storage: spec.Storage, Exposure: spec.Exposure, Keys: spec.Keys,
		OwnHost:           plan.OwnHost(spec.Scheduling.HostAntiAffinity, plan.Count(s.network)),
		OperatorNamespace: s.r.deps.OperatorNamespace,
	}
	if out.Moniker == "" {
		out.Moniker = v.Name
	}
	if spec.Bootstrap.Type == v1alpha1.BootstrapGenesis {
		out.Sync = "blocks"
	}
	if in.entry.Number > 1 {
		// A brought key is the first instance's: a successor's key is born, since the
		// chain takes no key twice. // rule: identity-once
		out.Keys = v1alpha1.KeySource{Source: v1alpha1.KeysVolume}
	}
	out.Peers = append(plan.Peers(v, in.entry.Number, s.siblings), s.facts.extra...)
	slices.Sort(out.Peers)
	out.Peers = slices.Compact(out.Peers)
	return out
}
