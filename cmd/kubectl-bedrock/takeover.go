package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/cmd/kubectl-bedrock/diagnose"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// takeoverPlan is what a takeover would do, and whether the chain would let it.
type takeoverPlan struct {
	Validator string  `json:"validator"`
	ChainName string  `json:"chainName"`
	Identity  string  `json:"identity"` // that is superseded
	Instance  int32   `json:"instance"` // that takes over
	Checks    []check `json:"checks"`
	Allowed   bool    `json:"allowed"`
}

type check struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

func newTakeoverCommand(a *app) *cobra.Command {
	var dry bool
	var waitFor time.Duration
	cmd := &cobra.Command{
		Use:   "takeover VALIDATOR",
		Short: "Have a new instance take a validator's place on chain",
		Long: `The operator makes a new signer volume with a new identity and new keys, lets it
sync, and the chain names it in the old one's place. The old process, wherever it
runs, signs nothing from the next epoch on: nobody needs to reach it. No key moves.

--dry-run says what would happen, and whether the chain would refuse it.`,
		Example: "  kubectl bedrock takeover network-4-1 --dry-run\n  kubectl bedrock takeover network-4-1 --wait 10m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(&a.flags)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			v, err := c.validator(ctx, args[0])
			if err != nil {
				return err
			}
			if dry {
				return a.dryTakeover(ctx, c, v)
			}
			word := c.now().UTC().Format(time.RFC3339Nano)
			if err := c.annotate(ctx, v, v1alpha1.AnnotationTakeover, &word); err != nil {
				return err
			}
			if waitFor == 0 {
				fmt.Fprintf(a.out, "%s: a takeover is asked for; its condition %s says how far it is\n", v.Name, v1alpha1.ValidatorTakeover)
				return nil
			}
			return a.waitTakeover(ctx, c, v, waitFor)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would happen, and do nothing")
	cmd.Flags().DurationVar(&waitFor, "wait", 0, "wait so long for the end")
	return cmd
}

// waitTakeover waits until another instance is the active one.
func (a *app) waitTakeover(ctx context.Context, c *cluster, before *v1alpha1.Validator, bound time.Duration) error {
	said, text := "", "the operator has said nothing yet"
	var now *v1alpha1.Validator
	err := wait.PollUntilContextTimeout(ctx, pollEvery, bound, true, func(context.Context) (bool, error) { // a read is not cut off by the bound
		v, err := c.validator(ctx, before.Name)
		if err != nil {
			return false, err
		}
		now = v
		if t := findCondition(v.Status.Conditions, v1alpha1.ValidatorTakeover); t != nil {
			text = t.Reason + ": " + t.Message
		}
		if text != said {
			said = text
			fmt.Fprintf(a.err, "%s: %s\n", v.Name, text)
		}
		return v.Status.ActiveInstance > before.Status.ActiveInstance && v.Status.Takeover == nil, nil
	})
	if wait.Interrupted(err) {
		return &exitError{exitDegraded, fmt.Sprintf("%s: not done within %s: %s", before.Name, bound, text)}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: instance %d is the one that the chain names; instance %d signs nothing more\n", now.Name, now.Status.ActiveInstance, before.Status.ActiveInstance)
	return nil
}

func (a *app) dryTakeover(ctx context.Context, c *cluster, v *v1alpha1.Validator) error {
	if v.Spec.Chain.Network == "" {
		return fmt.Errorf("%s is of a foreign chain: its owner signs for it (kubectl bedrock handoff %s)", v.Name, v.Name)
	}
	n, err := c.network(ctx, string(v.Spec.Chain.Network))
	if err != nil {
		return err
	}
	r, err := c.askPods(ctx, n)
	if err != nil {
		return err
	}
	defer r.close()
	p, err := planTakeover(ctx, r, v)
	if err != nil {
		return err
	}
	if err := a.show(p, p.print); err != nil {
		return err
	}
	if !p.Allowed {
		return &exitError{code: exitDegraded}
	}
	return nil
}

func planTakeover(ctx context.Context, r *reached, v *v1alpha1.Validator) (*takeoverPlan, error) {
	at, ok := r.first()
	if !ok {
		return nil, &exitError{exitFailed, "no node answers: without the chain's word nothing is planned"}
	}
	set, err := r.client.Set(ctx, at)
	if err != nil {
		return nil, err
	}
	report := diagnose.Of(r.accounts)
	p := &takeoverPlan{Validator: v.Name, Instance: nextInstance(v), Allowed: true}
	member := memberOf(v, set)
	p.check("the chain knows it", member != nil, "no validator of the chain has its name or an identity of its instances: there is nothing to take over", "yes")
	p.check("the chain finalises", report.State != diagnose.Halted, "it is halted: start what has its volumes; see docs/runbooks/halted-chain.md", fmt.Sprintf("height %d, %s ago", report.FinalHeight, short(report.FinalAge)))
	p.check("the executor knows rotate", set.Ledger, "it is not the ledger that ships with Bedrock, and has no rotate", "yes")
	if member == nil || !set.Ledger {
		return p, nil
	}
	p.ChainName, p.Identity = member.Name.String(), member.Identity.String()
	parameters, err := r.client.Parameters(ctx, at)
	if err != nil {
		return nil, err
	}
	rotated := rotatedPower(set, member, parameters["rotation_window_ms"])
	p.check("the window allows it", member.Index < 0 || 3*(rotated+member.Power) < set.TotalPower,
		fmt.Sprintf("%d of %d power was rotated lately, and %d more would be a third: wait, or have the chain's authority sign", rotated, set.TotalPower, member.Power),
		fmt.Sprintf("%d of %d power was rotated lately, %d more stay below a third", rotated, set.TotalPower, member.Power))
	return p, nil
}

func (p *takeoverPlan) check(what string, ok bool, no, yes string) {
	text := yes
	if !ok {
		text, p.Allowed = no, false
	}
	p.Checks = append(p.Checks, check{what, ok, text})
}

func (p *takeoverPlan) print(w io.Writer) {
	verdict := "would go on"
	if !p.Allowed {
		verdict = "would be refused"
	}
	fmt.Fprintf(w, "takeover of %s by instance %d %s\n", p.Validator, p.Instance, verdict)
	if p.Identity != "" {
		fmt.Fprintf(w, "chain name  %s\nsuperseded  %s\n", p.ChainName, p.Identity)
	}
	table(w, func(row func(...any)) {
		for _, c := range p.Checks {
			row(yes(c.OK), c.What, c.Text)
		}
	})
}

// nextInstance is the number after the last.
func nextInstance(v *v1alpha1.Validator) int32 {
	last := int32(0)
	for _, i := range v.Status.Instances {
		last = max(last, i.Number)
	}
	return last + 1
}

// memberOf is what the chain has of a Validator, or nil.
func memberOf(v *v1alpha1.Validator, set *chain.Set) *chain.Member {
	all := set.All()
	for i := range all {
		if is(v, &diagnose.Validator{Name: all[i].Name, Identity: all[i].Identity}) {
			return &all[i]
		}
	}
	return nil
}

// rotatedPower is the power of others that was rotated within the ledger's window.
func rotatedPower(set *chain.Set, but *chain.Member, windowMs uint64) uint64 {
	var sum uint64
	for i := range set.Members {
		m := &set.Members[i]
		if m.Name != but.Name && m.Row.Rotated != 0 && m.Row.Rotated+windowMs > set.TimeMs {
			sum += m.Power
		}
	}
	return sum
}

// conditionOf is a condition of a Validator as text.
func conditionOf(v *v1alpha1.Validator, kind string) (metav1.ConditionStatus, string) {
	if c := findCondition(v.Status.Conditions, kind); c != nil {
		return c.Status, c.Reason + ": " + c.Message
	}
	return metav1.ConditionUnknown, "nothing is said of " + kind + " yet"
}
