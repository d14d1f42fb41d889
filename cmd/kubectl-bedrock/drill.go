package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// drillResult is what a drill saw.
type drillResult struct {
	Network string `json:"network"`
	Key     string `json:"key"`
	Live    bool   `json:"live"` // the key of a Validator that runs
	// Blocks is how many heights became final meanwhile.
	Blocks    uint64          `json:"blocks"`
	Instances []drillInstance `json:"instances"`
	// Signed names a drill instance that signed or stood in the set: a fault.
	Signed string `json:"signed,omitempty"`
}

// drillInstance is a Validator that the drill made with a key that is not its own.
type drillInstance struct {
	Namespace string `json:"namespace"`
	Claimed   string `json:"claimed"`
	Signing   string `json:"signing"`
}

func newDrillCommand(a *app) *cobra.Command {
	drill := &cobra.Command{Use: "drill", Short: "Show that what must not happen does not", Args: cobra.NoArgs}
	var o drillOptions
	cmd := &cobra.Command{
		Use:   "double-sign [NETWORK]",
		Short: "Start a second instance with the same key, and see that it never signs",
		Long: `Makes Validators with one consensus key in namespaces of its own, and watches them
for a number of blocks: what the claim says, what their nodes say of signing, and
whom the chain names. Then it deletes the namespaces, and with them all it made.

With --secret it uses a copy of the brought key of a Validator that runs (you need
the right to read that Secret); otherwise a new key, given to two Validators.
Exit code: 0 nothing signed, 2 something did, 3 the drill could not be done.`,
		Example: "  kubectl bedrock drill double-sign network-4\n  kubectl bedrock drill double-sign network-4 --secret our-key",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(&a.flags)
			if err != nil {
				return err
			}
			n, err := c.network(cmd.Context(), name(args))
			if err != nil {
				return err
			}
			return a.drill(cmd.Context(), c, n, &o)
		},
	}
	cmd.Flags().StringVar(&o.secret, "secret", "", "Secret with the brought key of a Validator that runs")
	cmd.Flags().Uint64Var(&o.blocks, "blocks", 20, "how many heights to watch")
	cmd.Flags().DurationVar(&o.bound, "wait", 5*time.Minute, "how long the drill may take")
	drill.AddCommand(cmd)
	return drill
}

type drillOptions struct {
	secret string
	blocks uint64
	bound  time.Duration
}

func (a *app) drill(ctx context.Context, c *cluster, n *v1alpha1.BedrockNetwork, o *drillOptions) (err error) {
	r, err := c.askPods(ctx, n)
	if err != nil {
		return err
	}
	defer r.close()
	d := &drillRun{app: a, cluster: c, network: n, reached: r, options: o}
	// What was made goes in any case, also when the caller gave up.
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.bound)
		defer cancel()
		err = errors.Join(err, d.clean(clean))
	}()
	if err := d.start(ctx); err != nil {
		return err
	}
	result, err := d.watch(ctx)
	if err != nil {
		return err
	}
	if err := a.show(result, result.print); err != nil {
		return err
	}
	if result.Signed != "" {
		return &exitError{exitHalted, "a second instance signed: this must never be; keep the bundle (kubectl bedrock bundle) and report it"}
	}
	return nil
}

// watch looks at the drill's instances until enough heights became final.
func (d *drillRun) watch(ctx context.Context) (*drillResult, error) {
	result := &drillResult{Network: d.network.Name, Key: d.key, Live: d.options.secret != ""}
	at, ok := d.reached.first()
	if !ok {
		return nil, &exitError{exitFailed, "no node of the network answers: there is nothing to watch"}
	}
	first, waits := uint64(0), "the network's nodes"
	err := wait.PollUntilContextTimeout(ctx, pollEvery, d.options.bound, true, func(ctx context.Context) (bool, error) {
		set, err := d.reached.client.Set(ctx, at)
		if err != nil {
			return false, err
		}
		status, err := d.reached.client.Status(ctx, at)
		if err != nil {
			return false, err
		}
		told, err := d.look(ctx, result)
		if err != nil {
			return false, err
		}
		for i := range set.Members {
			if d.identities[set.Members[i].Identity.String()] {
				result.Signed = "the chain's set names identity " + set.Members[i].Identity.String()
			}
		}
		if result.Signed != "" {
			return true, nil
		}
		if !told {
			waits = "the operator's word on each instance's key, and the word of the nodes that run"
			return false, nil
		}
		if first == 0 {
			first = status.FinalHeight
		}
		result.Blocks, waits = status.FinalHeight-first, fmt.Sprintf("height %d, it is %d", first+d.options.blocks, status.FinalHeight)
		return result.Blocks >= d.options.blocks, nil
	})
	if wait.Interrupted(err) {
		return nil, &exitError{exitFailed, fmt.Sprintf("the drill was not done within %s: it waited for %s", d.options.bound, waits)}
	}
	return result, err
}

// look reads what is said of the drill's instances, and whether all of it is there.
func (d *drillRun) look(ctx context.Context, result *drillResult) (told bool, err error) {
	told, result.Instances = true, nil
	for _, namespace := range d.namespaces {
		var v v1alpha1.Validator
		if err := d.cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: drillName}, &v); err != nil {
			return false, fmt.Errorf("read the drill's Validator: %w", err)
		}
		for _, i := range v.Status.Instances {
			if i.Identity != "" {
				d.identities[string(i.Identity)] = true
			}
		}
		_, claimed := conditionOf(&v, v1alpha1.ValidatorKeyClaimed)
		status, signing := conditionOf(&v, v1alpha1.ValidatorSigning)
		if status == metav1.ConditionTrue {
			result.Signed = namespace + " says that it signs"
		}
		told = told && judged(&v)
		result.Instances = append(result.Instances, drillInstance{namespace, claimed, signing})
	}
	return told, nil
}

// judged: the operator has looked at the instance's key, and where it may run its node
// says whether it signs. Before that a drill shows nothing.
func judged(v *v1alpha1.Validator) bool {
	claimed := findCondition(v.Status.Conditions, v1alpha1.ValidatorKeyClaimed)
	if claimed == nil || claimed.Reason == v1alpha1.ReasonWaiting {
		return false
	}
	signing := findCondition(v.Status.Conditions, v1alpha1.ValidatorSigning)
	return claimed.Status != metav1.ConditionTrue || signing != nil && signing.Status != metav1.ConditionUnknown && signing.Reason != v1alpha1.ReasonWaiting
}

// clean deletes the drill's namespaces and waits until they are gone.
func (d *drillRun) clean(ctx context.Context) error {
	var all error
	for _, namespace := range d.namespaces {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		if err := d.cluster.Delete(ctx, ns); err != nil && !apierrors.IsNotFound(err) {
			all = errors.Join(all, fmt.Errorf("delete the drill's namespace %s: %w; delete it by hand", namespace, err))
			continue
		}
		err := wait.PollUntilContextCancel(ctx, pollEvery, true, func(ctx context.Context) (bool, error) {
			err := d.cluster.Get(ctx, client.ObjectKeyFromObject(ns), ns)
			return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		})
		if err != nil {
			all = errors.Join(all, fmt.Errorf("the drill's namespace %s is not gone yet: %w; see `kubectl get namespace %s -o yaml`", namespace, err, namespace))
		}
	}
	return errors.Join(all, d.volumes(ctx))
}

// volumes says which volumes outlive the drill's claims, by their reclaim policy.
func (d *drillRun) volumes(ctx context.Context) error {
	var list corev1.PersistentVolumeList
	if err := d.cluster.List(ctx, &list); err != nil {
		if apierrors.IsForbidden(err) {
			return nil // who may not list volumes made none that stays: their class says
		}
		return fmt.Errorf("look for volumes that the drill left: %w", err)
	}
	for i := range list.Items {
		v := &list.Items[i]
		for _, namespace := range d.namespaces {
			if ref := v.Spec.ClaimRef; ref != nil && ref.Namespace == namespace && v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain {
				fmt.Fprintf(d.app.err, "the drill's volume %s stays, by its StorageClass (Retain): kubectl delete pv %s\n", v.Name, v.Name)
			}
		}
	}
	return nil
}

func (r *drillResult) print(w io.Writer) {
	whose := "a new key, given to two Validators"
	if r.Live {
		whose = "the key of a Validator that runs"
	}
	fmt.Fprintf(w, "key %.16s (%s), watched for %d blocks of %s\n", r.Key, whose, r.Blocks, r.Network)
	table(w, func(row func(...any)) {
		row("INSTANCE IN", "KEY CLAIM", "SIGNING")
		for _, i := range r.Instances {
			row(i.Namespace, i.Claimed, i.Signing)
		}
	})
	if r.Signed == "" {
		fmt.Fprintln(w, "nothing signed with it but the instance that the chain's set names, if any")
	} else {
		fmt.Fprintln(w, "FAULT: "+r.Signed)
	}
}
