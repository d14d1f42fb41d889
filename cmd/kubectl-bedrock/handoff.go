package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// handoffOptions say which step of a handoff is taken; none: its terms are told.
type handoffOptions struct {
	consent   string // file to write the new identity's consent to
	validFor  uint64 // heights
	admin     string // URL of the new node's admin service; empty: through the API server
	sign      string // file with a consent that the present holder signs for
	out       string // file for what the holder signs
	authorise string // file with the signed transaction
}

// defaultValidFor is for how many heights a consent holds: it travels to the holder
// and back. An hour of a chain that makes three blocks a second.
const defaultValidFor = 10_000

func newHandoffCommand(a *app) *cobra.Command {
	var o handoffOptions
	cmd := &cobra.Command{
		Use:   "handoff VALIDATOR",
		Short: "Move a validator to this cluster with its owner's signature",
		Long: `A validator moves between clusters by a takeover that its holder signs: over the
identity that was born here, with a last height. No key is copied. Whoever else
imports the same authorisation loses: the ledger's compare-and-swap takes one.

  1. Here: make a Validator with spec.handoff.validator set to the chain name of
     the one that moves. Its identity is born on its own volume. Without a step
     named, the command prints what is signed for.
  2. Here: --consent FILE has the new identity agree, until a last height.
  3. Where it runs now: the holder signs. --sign FILE does so with the key of the
     operator that runs it there (you need the right to read its Secret); an owner
     with a key elsewhere: bedrock tx validator rotate --consent FILE --sign-only OUT.
  4. Here: --authorise OUT checks that and hands it to the operator, which sends it
     once this instance is synced.

What is signed lets nobody do anything but put this one identity in that place.`,
		Example: `  kubectl bedrock handoff our-validator --consent consent.json
  kubectl bedrock handoff network-4-1 --sign consent.json --out rotate.tx --context old
  kubectl bedrock handoff our-validator --authorise rotate.tx`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(&a.flags)
			if err != nil {
				return err
			}
			v, err := c.validator(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if o.sign != "" {
				return a.signHandoff(cmd.Context(), c, v, &o)
			}
			terms, err := termsOf(v)
			if err != nil {
				return err
			}
			switch {
			case o.consent != "":
				return a.consentToHandoff(cmd.Context(), c, v, terms, &o)
			case o.authorise != "":
				return a.authorise(cmd.Context(), c, v, terms, o.authorise)
			}
			return a.show(terms, terms.print)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.consent, "consent", "", "have the identity that was born here consent, and write that to this file; - is standard output")
	f.Uint64Var(&o.validFor, "valid-for", defaultValidFor, "with --consent: for how many heights from now; with --sign: of a consent that holds for twice as long nothing is signed")
	f.StringVar(&o.admin, "admin", "", "with --consent and --endpoint: admin service of the new node, http://127.0.0.1:PORT, instead of reaching its pod through the API server")
	f.StringVar(&o.sign, "sign", "", "file with a consent: sign for it with the key of this cluster's operator, which holds the validator now")
	f.StringVar(&o.out, "out", "-", "with --sign: file for the signed transaction; - is standard output")
	f.StringVar(&o.authorise, "authorise", "", "the signed transaction (bytes, hex or base64); - is standard input")
	cmd.MarkFlagsMutuallyExclusive("consent", "sign", "authorise")
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
	fmt.Fprintln(w, "the holder signs a rotation with these terms, and a last height:")
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
	raw, err := a.readFile(path, 3*ledger.MaxTransactionBytes)
	if err != nil {
		return nil, err
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
