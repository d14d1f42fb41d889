package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/cmd/kubectl-bedrock/diagnose"
)

func newWhyCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "why [NETWORK]",
		Short: "Why a chain is as it is, by its nodes' own accounts",
		Long: `Asks every node of a network what it sees, and puts that together: the last
certificate and its age, who is missing and by whose account, the sum of power
against the quorum, the view's leader, nodes that do not sign and why, modules
that differ. One node's word alone makes nobody missing.

Exit code: 0 fine, 1 degraded, 2 halted, 3 when no node answers.

With --endpoint nodes are asked directly, without an API server.`,
		Example: "  kubectl bedrock why network-4\n  kubectl bedrock why --endpoint http://10.0.0.7:7601 --endpoint http://10.0.0.8:7601",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, title, err := a.ask(cmd, args)
			if err != nil {
				return err
			}
			defer r.close()
			report := diagnose.Of(r.accounts)
			if err := a.show(report, func(w io.Writer) {
				printChain(w, title, report)
				printAccounts(w, report)
				printFindings(w, report)
			}); err != nil {
				return err
			}
			return exitOf(report.State)
		},
	}
}

// ask reaches the nodes that the flags or a network name.
func (a *app) ask(cmd *cobra.Command, args []string) (*reached, string, error) {
	ctx := cmd.Context()
	if len(a.flags.endpoints) > 0 {
		r, err := a.askEndpoints(ctx)
		return r, fmt.Sprintf("%d nodes by their addresses", len(a.flags.endpoints)), err
	}
	c, err := a.open(&a.flags)
	if err != nil {
		return nil, "", err
	}
	n, err := c.network(ctx, name(args))
	if err != nil {
		return nil, "", err
	}
	r, err := c.askPods(ctx, n)
	return r, fmt.Sprintf("network %s/%s", n.Namespace, n.Name), err
}

func printChain(w io.Writer, title string, r *diagnose.Report) {
	fmt.Fprintf(w, "%s: %s\n", title, r.State)
	if r.State == diagnose.Untold {
		return
	}
	fmt.Fprintf(w, "chain      %s, genesis %.16s, epoch %d\n", r.ChainID, r.Genesis, r.Epoch)
	fmt.Fprintf(w, "final      height %d, %s ago; oldest waiting work %s\n", r.FinalHeight, short(r.FinalAge), short(r.OldestWaiting))
	fmt.Fprintf(w, "power      %d of %d seen to vote, a quorum needs %d\n", r.VotingPower, r.TotalPower, r.Quorum)
	fmt.Fprintf(w, "view       %d, leader %s, %d failed before it, timer %s\n", r.View, r.Leader, r.FailedViews, short(r.ViewTimer))
}

func printAccounts(w io.Writer, r *diagnose.Report) {
	if len(r.Validators) > 0 {
		fmt.Fprintln(w)
		table(w, func(row func(...any)) {
			row("VALIDATOR", "POWER", "VOTES", "LAST VOTE", "SEEN BY", "NOT SEEN BY")
			for _, v := range r.Validators {
				moniker := v.Moniker
				if moniker == "" {
					moniker = v.Identity.String()[:12]
				}
				row(moniker, v.Power, v.Presence, v.LastVote, len(v.SeenBy), len(v.NotSeenBy))
			}
		})
	}
	fmt.Fprintln(w)
	table(w, func(row func(...any)) {
		row("NODE", "HEIGHT", "SIGNS", "VERSION", "EXECUTOR")
		for _, n := range r.Nodes {
			if n.Error != "" {
				row(n.Node, "-", "-", "-", "no answer")
				continue
			}
			row(n.Node, n.FinalHeight, yes(n.Signing), n.Version, fmt.Sprintf("%.12s", n.Executor))
		}
	})
}

func printFindings(w io.Writer, r *diagnose.Report) {
	if len(r.Findings) > 0 {
		fmt.Fprintln(w)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s: %s\n  -> %s\n", f.State, f.What, f.Do)
	}
}

// short is a duration without digits that say nothing.
func short(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(time.Second / 10).String()
	}
	return d.Round(time.Millisecond).String()
}
