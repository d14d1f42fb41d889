package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// haltPrefix before a reason is a person's word that the chain may halt.
const haltPrefix = "halt:"

func newDisruptCommand(a *app) *cobra.Command {
	var reason string
	var halt, cancel bool
	var waitFor time.Duration
	cmd := &cobra.Command{
		Use:   "disrupt VALIDATOR",
		Short: "Ask for the token by which a validator may be taken down",
		Long: `A validator is taken down on purpose only with a token, so that never a third of
the power is down at once. This asks for one and, with --wait, waits until it is
granted; then its pod can be evicted (kubectl drain, kubectl evict). A token that
is not used for 5 minutes goes back to the end of the queue.`,
		Example: "  kubectl bedrock disrupt network-4-2 --reason 'new disk' --wait 10m\n  kubectl bedrock disrupt network-4-2 --cancel",
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
			if cancel {
				if err := c.annotate(ctx, v, v1alpha1.AnnotationDisrupt, nil); err != nil {
					return err
				}
				fmt.Fprintf(a.out, "%s: the request is taken back; an unused token is closed\n", v.Name)
				return nil
			}
			if reason == "" {
				return errors.New("--reason: say why, for whoever waits behind you")
			}
			if halt {
				reason = haltPrefix + reason
			}
			if err := c.annotate(ctx, v, v1alpha1.AnnotationDisrupt, &reason); err != nil {
				return err
			}
			if waitFor == 0 {
				fmt.Fprintf(a.out, "%s: a token is asked for; its condition %s says when it is granted, or who holds what\n", v.Name, v1alpha1.ValidatorDisruption)
				return nil
			}
			return a.waitGranted(ctx, c, v.Name, waitFor)
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "why; shown to others who wait")
	f.BoolVar(&halt, "halt", false, "state that the chain may halt: needed where one validator is a third of the power, or there are at most three")
	f.BoolVar(&cancel, "cancel", false, "take the request back")
	f.DurationVar(&waitFor, "wait", 0, "wait so long for the token")
	return cmd
}

// waitGranted waits for the token, and at the end says what the operator says.
func (a *app) waitGranted(ctx context.Context, c *cluster, name string, bound time.Duration) error {
	said := ""
	var last *metav1.Condition
	err := wait.PollUntilContextTimeout(ctx, pollEvery, bound, true, func(context.Context) (bool, error) { // a read is not cut off by the bound
		v, err := c.validator(ctx, name)
		if err != nil {
			return false, err
		}
		last = findCondition(v.Status.Conditions, v1alpha1.ValidatorDisruption)
		if last == nil {
			return false, nil
		}
		if text := last.Reason + ": " + last.Message; text != said {
			said = text
			fmt.Fprintf(a.err, "%s: %s\n", name, text)
		}
		return last.Status == metav1.ConditionTrue, nil
	})
	if err == nil {
		fmt.Fprintf(a.out, "%s: the token is granted; evict its pod within 5 minutes\n", name)
		return nil
	}
	if wait.Interrupted(err) {
		if last == nil {
			return &exitError{exitDegraded, fmt.Sprintf("%s: the operator has not answered within %s: does it run (kubectl -n bedrock-system get pods)?", name, bound)}
		}
		return &exitError{exitDegraded, fmt.Sprintf("%s: not granted within %s: %s: %s", name, bound, last.Reason, last.Message)}
	}
	return err
}

// pollEvery is how often what is waited for is looked at.
const pollEvery = 500 * time.Millisecond
