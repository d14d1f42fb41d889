package keyclaim

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

var api *apitest.Server

func TestMain(m *testing.M) { os.Exit(apitest.Main(m, &api, apitest.Options{})) }

type world struct {
	t *testing.T
	c client.Client
	r *Reconciler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := api.Client(t, v1alpha1.AddToScheme)
	return &world{t, c, &Reconciler{Client: c, live: c, deps: Deps{Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))}}}
}

// consensusKey is a key of a name.
func consensusKey(name string) ed25519.PublicKey {
	seed := []byte((name + strings.Repeat(".", 32))[:32])
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

// validator makes one that has a consensus key.
func (w *world) validator(ns, name, key string) *v1alpha1.Validator {
	w.t.Helper()
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: "net"}}}
	if err := w.c.Create(w.t.Context(), v); err != nil {
		w.t.Fatal(err)
	}
	v.Status.Instances = []v1alpha1.Instance{{Number: 1, Role: v1alpha1.InstanceActive, Identity: v1alpha1.Ed25519Key(strings.Repeat("ab", 32)),
		ConsensusKey: v1alpha1.Key(hex.EncodeToString(consensusKey(key)))}}
	if err := w.c.Status().Update(w.t.Context(), v); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) reconcile(ctx context.Context, ns, name string) error {
	_, err := w.r.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: ns, Name: name}})
	return err
}

func (w *world) claimed(ns, name string) metav1.Condition {
	w.t.Helper()
	if err := w.reconcile(w.t.Context(), ns, name); err != nil {
		w.t.Fatal(err)
	}
	var v v1alpha1.Validator
	if err := w.c.Get(w.t.Context(), client.ObjectKey{Namespace: ns, Name: name}, &v); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range v.Status.Conditions {
		if c.Type == v1alpha1.ValidatorKeyClaimed {
			return c
		}
	}
	w.t.Fatalf("%s/%s has no condition KeyClaimed", ns, name)
	return metav1.Condition{}
}

func (w *world) claim(key string) *v1alpha1.ValidatorKeyClaim {
	w.t.Helper()
	var claim v1alpha1.ValidatorKeyClaim
	if err := w.c.Get(w.t.Context(), client.ObjectKey{Name: names.KeyClaim(consensusKey(key))}, &claim); client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	} else if err != nil {
		return nil
	}
	return &claim
}

// wakes waits until an event of a claim wakes the Validators val of these namespaces, by
// a cache with the manager's index.
func (w *world) wakes(claim *v1alpha1.ValidatorKeyClaim, namespaces ...string) {
	w.t.Helper()
	mgr, err := ctrl.NewManager(api.Config, ctrl.Options{Scheme: w.c.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := index(w.t.Context(), mgr.GetFieldIndexer()); err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Errorf("the manager: %v", err)
		}
	})
	want := map[types.NamespacedName]bool{}
	for _, ns := range namespaces {
		want[types.NamespacedName{Namespace: ns, Name: "val"}] = true
	}
	r := New(mgr, Deps{})
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got := map[types.NamespacedName]bool{}
		for _, request := range r.concerned(ctx, claim) {
			got[request.NamespacedName] = true
		}
		if maps.Equal(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("waited a minute: a change of the claim wakes %v, want %v", got, want)
		}
	}
}

// Of two Validators with one key in two namespaces the second is refused, and told who
// the first is; it gets the key once the first is gone for good.
func TestTheSecondValidatorWithAKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	one, two := api.Namespace(t), api.Namespace(t)
	first := w.validator(one, "val", "twice")
	w.validator(two, "val", "twice")
	if c := w.claimed(one, "val"); c.Status != metav1.ConditionTrue {
		t.Fatalf("the first: %+v", c)
	}
	c := w.claimed(two, "val")
	if c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonKeyClaimedElsewhere || !strings.Contains(c.Message, one) {
		t.Fatalf("the second: %+v", c)
	}
	w.wakes(w.claim("twice"), one, two)
	if err := w.c.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := w.reconcile(t.Context(), one, "val"); err != nil {
		t.Fatal(err)
	}
	if w.claim("twice") != nil {
		t.Fatal("the claim of a Validator that is gone is still there")
	}
	if c := w.claimed(two, "val"); c.Status != metav1.ConditionTrue || string(w.claim("twice").Spec.Validator.Namespace) != two {
		t.Errorf("the second, alone: %+v", c)
	}
}

// A Validator that was made again under its name has another UID: the claim follows,
// and a claim removed by hand is made again by whoever asks first.
func TestAClaimFollowsTheUID(t *testing.T) {
	w := newWorld(t)
	ns := api.Namespace(t)
	old := w.validator(ns, "val", "again")
	w.claimed(ns, "val")
	if err := w.c.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	now := w.validator(ns, "val", "again")
	if c := w.claimed(ns, "val"); c.Status != metav1.ConditionTrue || w.claim("again").Spec.Validator.UID != string(now.UID) {
		t.Errorf("%+v, held by %+v", c, w.claim("again").Spec.Validator)
	}
	if err := w.c.Delete(t.Context(), w.claim("again")); err != nil {
		t.Fatal(err)
	}
	if c := w.claimed(ns, "val"); c.Status != metav1.ConditionTrue || w.claim("again") == nil {
		t.Errorf("%+v", c)
	}
}

// Killed before or after every write it comes to the same end.
func TestKilledAtEveryWrite(t *testing.T) {
	for _, point := range []string{"keyclaim/create", "keyclaim/patch-status", "keyclaim/delete"} {
		for _, moment := range []faults.Moment{faults.Before, faults.After} {
			t.Run(point+" "+moment.String(), func(t *testing.T) {
				w := newWorld(t)
				ns := api.Namespace(t)
				key := point + moment.String()
				gone := w.validator(ns, "old", key)
				w.claimed(ns, "old")
				if err := w.c.Delete(t.Context(), gone); err != nil {
					t.Fatal(err)
				}
				now := w.validator(ns, "val", key)
				script := &faults.Script{At: &faults.Place{Name: point, Moment: moment, Nth: 1}}
				if err := w.reconcile(faults.With(t.Context(), script.Inject), ns, "val"); err == nil || !script.Fired() {
					t.Fatalf("the fault did not come: %v", err)
				}
				if c := w.claimed(ns, "val"); c.Status != metav1.ConditionTrue || w.claim(key).Spec.Validator.UID != string(now.UID) {
					t.Errorf("%+v", c)
				}
			})
		}
	}
}
