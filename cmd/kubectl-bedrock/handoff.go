package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// handoffTerms are what the owner of a validator signs for.
type handoffTerms struct {
	Validator    string `json:"validator"` // its name on the chain
	Identity     string `json:"identity"`  // of the instance that takes over
	ConsensusKey string `json:"consensusKey"`
	Possession   string `json:"possession,omitempty"`
	Instance     int32  `json:"instance"`
	Condition    string `json:"condition"`
}

func newHandoffCommand(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "handoff VALIDATOR",
		Short: "Move a validator to this cluster with its owner's signature",
		Long: `A validator moves between clusters by a takeover that its owner signs: over the
identity that was born here, with a last height. No key is copied. Whoever else
imports the same authorisation loses: the ledger's compare-and-swap takes one.

  1. Here: make a Validator with spec.handoff.validator set to the chain name of
     the one that moves. Its identity is born on its own volume.
  2. ` + "`kubectl bedrock handoff VALIDATOR`" + ` prints what the owner signs.
  3. The owner signs the rotation (bedrock tx validator rotate --help).
  4. ` + "`kubectl bedrock handoff VALIDATOR --authorise FILE`" + ` checks it and hands it to
     the operator, which sends it once this instance is synced.`,
		Example: "  kubectl bedrock handoff our-validator\n  kubectl bedrock handoff our-validator --authorise rotate.tx",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(&a.flags)
			if err != nil {
				return err
			}
			v, err := c.validator(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			terms, err := termsOf(v)
			if err != nil {
				return err
			}
			if file == "" {
				return a.show(terms, terms.print)
			}
			return a.authorise(cmd.Context(), c, v, terms, file)
		},
	}
	cmd.Flags().StringVar(&file, "authorise", "", "the signed transaction (bytes, hex or base64); - is standard input")
	return cmd
}

func termsOf(v *v1alpha1.Validator) (*handoffTerms, error) {
	if v.Spec.Handoff == nil {
		return nil, fmt.Errorf("%s has no spec.handoff: set handoff.validator to the chain name of the validator that moves here", v.Name)
	}
	i := slices.IndexFunc(v.Status.Instances, func(i v1alpha1.Instance) bool {
		return i.Identity != "" && i.Role != v1alpha1.InstanceSuperseded
	})
	_, text := conditionOf(v, v1alpha1.ValidatorIdentified)
	if i < 0 {
		return nil, fmt.Errorf("%s has no identity yet: %s", v.Name, text)
	}
	in := &v.Status.Instances[i]
	_, text = conditionOf(v, v1alpha1.ValidatorTakeover)
	return &handoffTerms{Validator: string(v.Spec.Handoff.Validator), Identity: string(in.Identity), ConsensusKey: string(in.ConsensusKey), Possession: in.Possession, Instance: in.Number, Condition: text}, nil
}

func (t *handoffTerms) print(w io.Writer) {
	fmt.Fprintln(w, "the owner signs a rotation with these terms, and a last height:")
	table(w, func(row func(...any)) {
		row("  validator", t.Validator)
		row("  new identity", t.Identity)
		row("  new consensus key", t.ConsensusKey)
		if t.Possession != "" {
			row("  possession", t.Possession)
		}
	})
	fmt.Fprintf(w, "the takeover now: %s\n", t.Condition)
}

// authorise checks the owner's transaction before it is handed over: the chain would
// refuse a wrong one as well, only later.
func (a *app) authorise(ctx context.Context, c *cluster, v *v1alpha1.Validator, terms *handoffTerms, file string) error {
	raw, err := a.readTransaction(file)
	if err != nil {
		return err
	}
	if err := terms.check(raw); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"handoff": map[string]any{"transaction": base64.StdEncoding.EncodeToString(raw)}}})
	if err != nil {
		return err
	}
	if err := c.Patch(ctx, v, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("hand the authorisation over: %w", err)
	}
	fmt.Fprintf(a.out, "%s: the authorisation is handed over; the operator sends it once instance %d is synced\n", v.Name, terms.Instance)
	return nil
}

func (t *handoffTerms) check(raw []byte) error {
	tx, err := ledger.Decode(raw)
	if err != nil {
		return fmt.Errorf("it is no transaction: %w", err)
	}
	op, ok := tx.Body.Operation.(ledger.Rotate)
	if !ok {
		return fmt.Errorf("it is a %s, not a rotate", ledger.OperationName(tx.Body.Operation))
	}
	switch {
	case op.Validator.String() != t.Validator:
		return fmt.Errorf("it rotates validator %s, and spec.handoff.validator is %s", op.Validator, t.Validator)
	case op.Identity.String() != t.Identity:
		return fmt.Errorf("it names identity %s, and the one born here is %s: have the owner sign again", op.Identity, t.Identity)
	case hex.EncodeToString(op.ConsensusKey) != t.ConsensusKey:
		return errors.New("it names another consensus key than the one born here: have the owner sign again")
	}
	return op.CheckConsent(tx.Body.Genesis, tx.Body.ValidUntil)
}

// readTransaction reads a file of bytes, hex or base64.
func (a *app) readTransaction(path string) ([]byte, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, 3*ledger.MaxTransactionBytes))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	text := strings.TrimSpace(string(raw))
	if b, err := hex.DecodeString(text); err == nil {
		return b, nil
	}
	if b, err := base64.StdEncoding.DecodeString(text); err == nil {
		return b, nil
	}
	return raw, nil
}
