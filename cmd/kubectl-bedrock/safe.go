package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/cmd/kubectl-bedrock/diagnose"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// safety is what may be deleted of a validator now.
type safety struct {
	Validator string  `json:"validator"`
	Parts     []check `json:"parts"`
}

// Parts of a validator that people delete.
const (
	partPod    = "pod"
	partChain  = "chain volume"
	partSigner = "signer volume"
)

func newSafeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "safe-to-delete VALIDATOR",
		Short: "Whether a validator's pod and volumes may be deleted now",
		Long: `Counts, as the operator does before it grants a token, the power that is down with
this validator: missing or unknown, in maintenance on chain, or holding a token.
Below a third of all power the chain goes on without its pod. This is advice at
one moment; ` + "`kubectl bedrock disrupt`" + ` reserves the power.

Exit code: 0 the pod may go, 1 it may not, 3 it cannot be told.`,
		Example: "  kubectl bedrock safe-to-delete network-4-2",
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
			if v.Spec.Chain.Network == "" {
				return fmt.Errorf("%s is of a foreign chain, whose other validators are not seen from here: ask who runs them", v.Name)
			}
			n, err := c.network(ctx, string(v.Spec.Chain.Network))
			if err != nil {
				return err
			}
			fleet, err := c.validators(ctx, n.Name)
			if err != nil {
				return err
			}
			r, err := c.askPods(ctx, n)
			if err != nil {
				return err
			}
			defer r.close()
			at, ok := r.first()
			if !ok {
				return &exitError{exitFailed, "no node answers: without the chain's word nothing is known to be safe"}
			}
			set, err := r.client.Set(ctx, at)
			if err != nil {
				return err
			}
			s := judge(v, fleet, diagnose.Of(r.accounts), set)
			if err := a.show(s, s.print); err != nil {
				return err
			}
			if !s.Parts[0].OK {
				return &exitError{code: exitDegraded}
			}
			return nil
		},
	}
}

// judge says what may go of v.
func judge(v *v1alpha1.Validator, fleet []v1alpha1.Validator, report *diagnose.Report, set *chain.Set) *safety {
	s := &safety{Validator: v.Name}
	member := memberOf(v, set)
	s.Parts = append(s.Parts, podCheck(v, fleet, report, set, member))
	s.Parts = append(s.Parts, check{partChain, s.Parts[0].OK, "its data is fetched again from peers, and its right to sign is not on it; its pod goes with it"})
	signer := check{partSigner, member == nil, "no identity of its instances is the chain's: nothing is lost with it"}
	if member != nil {
		signer.Text = fmt.Sprintf("the chain's set pairs its key with the identity on it (%.12s): without it the validator cannot sign; take it over first (kubectl bedrock takeover %s)", member.Identity, v.Name)
	}
	s.Parts = append(s.Parts, signer)
	return s
}

func podCheck(v *v1alpha1.Validator, fleet []v1alpha1.Validator, report *diagnose.Report, set *chain.Set, member *chain.Member) check {
	if member == nil || member.Index < 0 {
		return check{partPod, true, "it is not in the chain's set: no power goes with it"}
	}
	if report.State == diagnose.Halted {
		return check{partPod, false, "the chain is halted: bring it back first (kubectl bedrock why)"}
	}
	var down uint64
	var who []string
	itself := false
	for i := range report.Validators {
		m := &report.Validators[i]
		why := downFor(m, fleet, set)
		if m.Identity == member.Identity {
			itself = m.Presence == diagnose.Missing
			continue
		}
		if why != "" {
			down += m.Power
			who = append(who, label(m)+" "+why)
		}
	}
	switch {
	case itself:
		return check{partPod, true, "it is missing already: nothing more goes down with its pod"}
	case 3*(down+member.Power) < set.TotalPower:
		return check{partPod, true, fmt.Sprintf("%d of %d power would be down, %d may be", down+member.Power, set.TotalPower, (set.TotalPower-1)/3)}
	}
	text := fmt.Sprintf("%d of %d power would be down, %d may be", down+member.Power, set.TotalPower, (set.TotalPower-1)/3)
	if len(who) > 0 {
		text += "; " + strings.Join(who, "; ")
	}
	return check{partPod, false, text}
}

// downFor is why a member counts as down; empty: it does not.
func downFor(m *diagnose.Validator, fleet []v1alpha1.Validator, set *chain.Set) string {
	switch m.Presence {
	case diagnose.Missing:
		return "is missing"
	case diagnose.Unknown:
		return "is not known to vote"
	}
	if row := set.ByIdentity(m.Identity); row != nil && row.Row.LeaseEnd > set.TimeMs {
		return "is in maintenance on chain"
	}
	for i := range fleet {
		if status, _ := conditionOf(&fleet[i], v1alpha1.ValidatorDisruption); status == metav1.ConditionTrue && is(&fleet[i], m) {
			return "holds a disruption token"
		}
	}
	return ""
}

func label(m *diagnose.Validator) string {
	if m.Moniker != "" {
		return m.Moniker
	}
	return m.Identity.String()[:12]
}

func (s *safety) print(w io.Writer) {
	table(w, func(row func(...any)) {
		row("PART OF "+strings.ToUpper(s.Validator), "SAFE TO DELETE", "BECAUSE")
		for _, p := range s.Parts {
			row(p.What, yes(p.OK), p.Text)
		}
	})
}
