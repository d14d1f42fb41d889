package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/consent"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// consentFlags say where the new identity's consent comes from.
type consentFlags struct {
	instance
	file string
}

func (f *consentFlags) add(cmd *cobra.Command) {
	f.instance.add(cmd)
	cmd.Flags().StringVar(&f.file, "consent", "", "file that `bedrock identity consent` printed, in place of --home; '-': standard input")
}

// beginAt begins a session with the node and genesis of a home, where one is named.
func (f *txFlags) beginAt(cmd *cobra.Command, at *instance) (*txSession, error) {
	cfg, err := at.config()
	if err != nil {
		return nil, err
	}
	if cfg != nil {
		f.nodeFlags.fromHome(cfg)
	}
	return f.begin(cmd)
}

// get answers the consent: from the file, or signed now for what t asks.
func (f *consentFlags) get(cmd *cobra.Command, t *consent.Consent) (*consent.Consent, error) {
	if f.file == "" {
		return t, f.instance.sign(cmd.Context(), t)
	}
	if f.home != "" || f.admin != "" {
		return nil, errors.New("--consent and --home or --admin all name the new identity: give one")
	}
	raw, err := readFile(cmd, f.file, consent.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("--consent: %w", err)
	}
	got, err := consent.Parse(raw, t.Kind)
	if err != nil {
		return nil, fmt.Errorf("--consent %s: %w", f.file, err)
	}
	return got, nil
}

func newJoinCommand() *cobra.Command {
	var f txFlags
	var from consentFlags
	var moniker string
	cmd := &cobra.Command{
		Use:   "join (--home H | --admin URL | --consent FILE)",
		Short: "Make a new node a candidate of this account's",
		Long: `The account that signs becomes the validator's owner. The new node's identity must
consent to that owner: at its home, by its admin service, or by a file that
"bedrock identity consent join" printed where the node is.`,
		Example: `  bedrock tx validator join --home /var/lib/bedrock --key owner.json
  bedrock tx validator join --consent consent.json --moniker fifth --key owner.json --genesis net/genesis.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from.home == "" && from.admin == "" && from.file == "" {
				return errors.New("say which node joins: --home H, or --admin URL of its running node, or --consent FILE that `bedrock identity consent join` printed where it is")
			}
			if cfg, err := from.config(); err != nil {
				return err
			} else if cfg != nil && moniker == "" {
				moniker = cfg.Moniker
			}
			if err := ledger.CheckMoniker(moniker); err != nil {
				return fmt.Errorf("--moniker: %w", err)
			}
			s, err := f.beginAt(cmd, &from.instance)
			if err != nil {
				return err
			}
			t, err := from.get(cmd, &consent.Consent{Kind: consent.KindJoin, Owner: s.public()})
			if err != nil {
				return err
			}
			op, err := t.Join(moniker, s.genesis, s.public())
			if err != nil {
				return err
			}
			return s.pay(op)
		},
	}
	f.add(cmd)
	from.add(cmd)
	cmd.Flags().StringVar(&moniker, "moniker", "", "the validator's name for people (default: the home's)")
	return cmd
}

func newRotateCommand() *cobra.Command {
	var f txFlags
	var from consentFlags
	cmd := &cobra.Command{
		Use:   "rotate VALIDATOR (--home H | --admin URL | --consent FILE)",
		Short: "Put a new instance in the place of the present one",
		Long: `The new instance signs from the next epoch on, the old one no more, whether it still
runs or not: nothing needs to be known of it. Let the new node sync first.

Signed by the owner, or by the delegate (fee-free). The new identity must consent:
at its home, by its admin service, or by a file that "bedrock identity consent
rotate" printed. It fails if the validator was rotated in between, or after
--valid-until.`,
		Example: `  bedrock tx validator rotate node2 --home /var/lib/bedrock --key delegate.json
  bedrock tx validator rotate node2 --consent consent.json --key owner.json --genesis net/genesis.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := f.beginAt(cmd, &from.instance)
			if err != nil {
				return err
			}
			m, err := s.find(args[0])
			if err != nil {
				return err
			}
			status, err := s.c.Status(cmd.Context())
			if err != nil {
				return err
			}
			want := &consent.Consent{Kind: consent.KindRotate, Validator: m.Name, Expected: m.Identity, ValidUntil: f.validUntil}
			if want.ValidUntil == 0 {
				want.ValidUntil = status.FinalHeight + rotateWindow
			}
			t, err := from.get(cmd, want)
			if err != nil {
				return err
			}
			if t.ValidUntil <= status.FinalHeight {
				return fmt.Errorf("the last height of this rotation is %d and the chain is at %d: get another consent", t.ValidUntil, status.FinalHeight)
			}
			if f.validUntil != 0 && f.validUntil != t.ValidUntil {
				return fmt.Errorf("--valid-until %d: the new identity consents until height %d", f.validUntil, t.ValidUntil)
			}
			f.validUntil = t.ValidUntil
			if t.Validator != m.Name {
				return fmt.Errorf("the new node consents to take the place of validator %s, not of %s", t.Validator, m)
			}
			op, err := t.Rotate(s.genesis, m.Name, m.Identity)
			if err != nil {
				return err
			}
			return s.hand(m, op)
		},
	}
	f.add(cmd)
	from.add(cmd)
	return cmd
}
