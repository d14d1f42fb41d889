package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/consent"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// rotateWindow is for how many heights a rotation is valid, unless it is said.
const rotateWindow = 1000

func newIdentityConsentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consent",
		Short: "Sign, with a new identity, that it may be joined or takes a place",
		Long: `A validator is joined or rotated by its owner, who need not have access to the new
node. What the owner needs is the new identity's signed word: for which chain, for
which owner, and of a rotation for which instance and until which height. It is
public: print it where the new node is, and give it to "bedrock tx validator join"
or "rotate" as --consent.

The node may run: then its admin service signs.`,
	}
	cmd.AddCommand(newConsentJoinCommand(), newConsentRotateCommand())
	return cmd
}

func newConsentJoinCommand() *cobra.Command {
	var f instance
	var owner string
	cmd := &cobra.Command{
		Use:   "join --owner PUBLIC_KEY (--home H | --admin URL)",
		Short: "Consent to be joined by an owner",
		Example: `  bedrock identity consent join --owner 5e1f… --home /var/lib/bedrock > consent.json
  bedrock identity consent join --owner 5e1f… --admin http://127.0.0.1:7602`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			t := &consent.Consent{Kind: consent.KindJoin}
			if t.Owner, err = ledger.ParseID(owner); err != nil {
				return fmt.Errorf("--owner: the owner's public key (`bedrock keys show`): %w", err)
			}
			if err := f.sign(cmd.Context(), t); err != nil {
				return err
			}
			return showConsent(cmd, t)
		},
	}
	f.add(cmd)
	addOutputFlag(cmd)
	cmd.Flags().StringVar(&owner, "owner", "", "public key of the owner, who will send the join")
	must(cmd.MarkFlagRequired("owner"))
	return cmd
}

func newConsentRotateCommand() *cobra.Command {
	var f instance
	var nf nodeFlags
	var expect string
	var until uint64
	cmd := &cobra.Command{
		Use:   "rotate VALIDATOR (--home H | --admin URL)",
		Short: "Consent to take the place of a validator's present instance",
		Long: `VALIDATOR is a moniker, or the first digits of a name or identity, and a node is
asked which instance it has now. With its whole name, --expect and --valid-until
nobody is asked.`,
		Example: `  bedrock identity consent rotate node2 --home /var/lib/bedrock > consent.json
  bedrock identity consent rotate 5e1f… --expect 77ab… --valid-until 12000 --admin http://127.0.0.1:7602`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t := &consent.Consent{Kind: consent.KindRotate, ValidUntil: until}
			if expect != "" {
				var err error
				if t.Validator, err = ledger.ParseID(args[0]); err != nil {
					return fmt.Errorf("with --expect the validator's whole name: %w", err)
				}
				if t.Expected, err = ledger.ParseID(expect); err != nil {
					return fmt.Errorf("--expect: %w", err)
				}
				if until == 0 {
					return errors.New("--expect needs --valid-until, the last height of the rotation")
				}
			} else if err := aim(cmd, t, &nf, &f, args[0]); err != nil {
				return err
			}
			if err := f.sign(cmd.Context(), t); err != nil {
				return err
			}
			return showConsent(cmd, t)
		},
	}
	nf.add(cmd)
	f.add(cmd)
	cmd.Flags().StringVar(&expect, "expect", "", "identity that the validator has now, instead of asking a node")
	cmd.Flags().Uint64Var(&until, "valid-until", 0, fmt.Sprintf("last height of the rotation; 0: %d from now", rotateWindow))
	return cmd
}

// aim finds the validator and its present instance.
func aim(cmd *cobra.Command, t *consent.Consent, nf *nodeFlags, f *instance, which string) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	if cfg != nil {
		nf.fromHome(cfg)
	}
	c, _, err := nf.connect(cmd)
	if err != nil {
		return err
	}
	m, err := findMember(cmd.Context(), c, which)
	if err != nil {
		return err
	}
	t.Validator, t.Expected = m.Name, m.Identity
	if t.ValidUntil != 0 {
		return nil
	}
	status, err := c.Status(cmd.Context())
	if err != nil {
		return err
	}
	t.ValidUntil = status.FinalHeight + rotateWindow
	return nil
}

// showConsent prints JSON in both formats: a program reads it.
func showConsent(cmd *cobra.Command, t *consent.Consent) error {
	return show(cmd, t, func(w io.Writer) {
		b, err := json.MarshalIndent(t, "", "  ")
		must(err) // strings and numbers only
		fmt.Fprintf(w, "%s\n", b)
	})
}
