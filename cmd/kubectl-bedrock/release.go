package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

func newReleaseCommand(a *app) *cobra.Command {
	var validator bool
	cmd := &cobra.Command{
		Use:   "release NAME",
		Short: "Let a held deletion of a network or Validator go on",
		Long: `With deletionProtection: Enabled, deleting a network (or the CRD, or the operator)
stops nothing: the object waits for this word, which is yours and not the
operator's. What becomes of the volumes is the object's deletionPolicy.`,
		Example: "  kubectl delete bedrocknetwork network-4 --wait=false\n  kubectl bedrock release network-4",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(&a.flags)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			var o client.Object
			policy := v1alpha1.DeletionRetain
			if validator {
				v, err := c.validator(ctx, args[0])
				if err != nil {
					return err
				}
				o, policy = v, v.Spec.DeletionPolicy
			} else {
				n, err := c.network(ctx, args[0])
				if err != nil {
					return err
				}
				o, policy = n, n.Spec.DeletionPolicy
			}
			if o.GetDeletionTimestamp() == nil {
				return fmt.Errorf("%s is not being deleted: `kubectl delete` it first (--wait=false), then release it", o.GetName())
			}
			uid := string(o.GetUID())
			if err := c.annotate(ctx, o, v1alpha1.AnnotationRelease, &uid); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is released: its nodes stop now, and its volumes are %s (deletionPolicy %s)\n", o.GetName(),
				map[v1alpha1.DeletionPolicy]string{v1alpha1.DeletionRetain: "kept", v1alpha1.DeletionDelete: "deleted"}[policy], policy)
			return nil
		},
	}
	cmd.Flags().BoolVar(&validator, "validator", false, "NAME is a Validator, not a network")
	return cmd
}
