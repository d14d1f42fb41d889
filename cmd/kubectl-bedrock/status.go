package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/cmd/kubectl-bedrock/diagnose"
)

// networkStatus is what `status` says of a network.
type networkStatus struct {
	Network    string            `json:"network"`
	Namespace  string            `json:"namespace"`
	Chain      *diagnose.Report  `json:"chain"`
	Validators []validatorStatus `json:"validators"`
	Conditions []condition       `json:"conditions"`
}

// validatorStatus puts a Validator, its instance and what the chain has of it together.
type validatorStatus struct {
	Name     string            `json:"name"`
	Instance int32             `json:"instance"`
	InSet    bool              `json:"inSet"`
	Power    uint64            `json:"power"`
	Presence diagnose.Presence `json:"presence,omitempty"`
	LastVote uint64            `json:"lastVote"`
	Ready    string            `json:"ready"`
	Reason   string            `json:"reason,omitempty"`
	Message  string            `json:"message,omitempty"`
}

// condition is one in short.
type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func newStatusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status [NETWORK]",
		Short: "How a network and each of its validators are",
		Long: `What the operator says of a network and its validators, beside what the nodes
say of the chain. Exit code: 0 the chain is fine, 1 degraded, 2 halted, 3 unknown.`,
		Example: "  kubectl bedrock status\n  kubectl bedrock status network-4 -o json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(&a.flags)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			n, err := c.network(ctx, name(args))
			if err != nil {
				return err
			}
			validators, err := c.validators(ctx, n.Name)
			if err != nil {
				return err
			}
			s := networkStatus{Network: n.Name, Namespace: n.Namespace, Conditions: conditions(n.Status.Conditions)}
			if n.Status.Genesis == nil {
				s.Chain = &diagnose.Report{State: diagnose.Untold}
			} else {
				r, err := c.askPods(ctx, n)
				if err != nil {
					return err
				}
				defer r.close()
				s.Chain = diagnose.Of(r.accounts)
			}
			for i := range validators {
				s.Validators = append(s.Validators, statusOf(&validators[i], s.Chain))
			}
			if err := a.show(s, func(w io.Writer) { s.print(w, n) }); err != nil {
				return err
			}
			return exitOf(s.Chain.State)
		},
	}
}

func name(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func exitOf(s diagnose.State) error {
	switch s {
	case diagnose.Fine:
		return nil
	case diagnose.Degraded:
		return &exitError{code: exitDegraded}
	case diagnose.Halted:
		return &exitError{code: exitHalted}
	}
	return &exitError{code: exitFailed}
}

func conditions(list []metav1.Condition) []condition {
	out := make([]condition, 0, len(list))
	for _, c := range list {
		out = append(out, condition{c.Type, string(c.Status), c.Reason, c.Message})
	}
	slices.SortFunc(out, func(x, y condition) int { return strings.Compare(x.Type, y.Type) })
	return out
}

// conditionText is a condition in a line, for an error's end.
func conditionText(list []metav1.Condition, kind string) string {
	for _, c := range list {
		if c.Type == kind {
			return fmt.Sprintf("%s is %s, %s: %s", kind, c.Status, c.Reason, c.Message)
		}
	}
	return "the operator has not said anything of " + kind + " yet: does it run (kubectl -n bedrock-system get pods)?"
}

// statusOf puts a Validator and its member of the chain's set together.
func statusOf(v *v1alpha1.Validator, chain *diagnose.Report) validatorStatus {
	s := validatorStatus{Name: v.Name, Instance: v.Status.ActiveInstance, Ready: "Unknown"}
	for _, c := range v.Status.Conditions {
		if c.Type == v1alpha1.ValidatorReady {
			s.Ready, s.Reason, s.Message = string(c.Status), c.Reason, c.Message
		}
	}
	for i := range chain.Validators {
		if m := &chain.Validators[i]; is(v, m) {
			s.InSet, s.Power, s.Presence, s.LastVote = true, m.Power, m.Presence, m.LastVote
		}
	}
	return s
}

// is says whether a member of the set is a Validator: by its name on the chain, or by
// the identity of one of its instances.
func is(v *v1alpha1.Validator, m *diagnose.Validator) bool {
	if v.Status.ChainName != "" {
		return string(v.Status.ChainName) == m.Name.String()
	}
	return slices.ContainsFunc(v.Status.Instances, func(i v1alpha1.Instance) bool { return string(i.Identity) == m.Identity.String() })
}

func (s *networkStatus) print(w io.Writer, n *v1alpha1.BedrockNetwork) {
	printChain(w, fmt.Sprintf("network %s/%s", s.Namespace, s.Network), s.Chain)
	if n.DeletionTimestamp != nil {
		fmt.Fprintf(w, "deletion   since %s: %s\n", n.DeletionTimestamp.UTC().Format(time.RFC3339), conditionText(n.Status.Conditions, v1alpha1.NetworkDeletion))
	}
	fmt.Fprintln(w)
	table(w, func(row func(...any)) {
		row("VALIDATOR", "INSTANCE", "POWER", "IN SET", "VOTES", "LAST VOTE", "READY", "REASON")
		for _, v := range s.Validators {
			votes := string(v.Presence)
			if votes == "" {
				votes = "-"
			}
			row(v.Name, v.Instance, v.Power, yes(v.InSet), votes, v.LastVote, v.Ready, v.Reason)
		}
	})
	first := true
	for _, c := range s.Conditions {
		if healthy(c) {
			continue
		}
		if first {
			fmt.Fprintln(w)
			first = false
		}
		fmt.Fprintf(w, "%s is %s, %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	printFindings(w, s.Chain)
}

// badWhenTrue are conditions that name a trouble.
var badWhenTrue = []string{v1alpha1.NetworkDomainRisk, v1alpha1.NetworkReclaimDelete, v1alpha1.NetworkAuthority, v1alpha1.NetworkDeletion, v1alpha1.ValidatorMissing, v1alpha1.ValidatorTakeover, v1alpha1.ValidatorDisruption}

func healthy(c condition) bool {
	if slices.Contains(badWhenTrue, c.Type) {
		return c.Status == string(metav1.ConditionFalse)
	}
	return c.Status == string(metav1.ConditionTrue)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
