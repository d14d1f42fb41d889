package main

import (
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// maxLease bounds what is asked for; the ledger may bound it further.
const maxLease = 7 * 24 * time.Hour

func newTxValidatorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validator",
		Short: "Join, rotate, delegate, leave: a validator's life",
		Long: `A validator is named for life by its first identity; a moniker, or the first digits
of its name or of its present identity, name it here. Its owner is the account that
joined it. A delegate is a key that may only rotate, maintain and leave it; its
transactions are fee-free.

To become one: the owner joins it as a candidate, its node says that it is ready
once it is synced, and the authority weighs it ("bedrock tx authority weigh").`,
	}
	cmd.AddCommand(newJoinCommand(), newReadyCommand(), newRotateCommand(), newDelegateCommand(), newLeaveCommand(), newMaintainCommand())
	return cmd
}

// aboutValidator is the name of the one validator that a transaction is about.
func aboutValidator(tx []byte) string {
	t, err := ledger.Decode(tx)
	if err != nil {
		return ""
	}
	var name ledger.ID
	switch o := t.Body.Operation.(type) {
	case ledger.Join:
		name = ledger.ValidatorName(o.Identity)
	case ledger.Ready:
		name = o.Validator
	case ledger.Rotate:
		name = o.Validator
	case ledger.Delegate:
		name = o.Validator
	case ledger.Leave:
		name = o.Validator
	case ledger.Maintain:
		name = o.Validator
	default:
		return ""
	}
	return name.String()
}

// pay signs an operation that this account pays for, and sends it.
func (s *txSession) pay(op ledger.Operation) error {
	body, err := s.body(op)
	if err != nil {
		return err
	}
	return s.sign(body)
}

func (s *txSession) sign(body ledger.Body) error {
	tx, err := ledger.Sign(s.key, body)
	if err != nil {
		return err
	}
	return s.finish(tx)
}

// hand signs an operation as the validator's owner, who pays, or as its delegate,
// who does not.
func (s *txSession) hand(m *member, op ledger.Operation) error {
	public := s.public()
	switch {
	case ledger.AddressOf(public[:]) == m.Owner:
		return s.pay(op)
	case public == m.Delegate:
		body := ledger.FeeFreeBody(s.genesis, s.f.validUntil, op)
		if s.f.gasLimit != 0 {
			body.GasLimit = s.f.gasLimit
		}
		return s.sign(body)
	}
	delegate := "it has no delegate"
	if !m.Delegate.IsZero() {
		delegate = "its delegate's key is " + m.Delegate.String()
	}
	return fmt.Errorf("this key (%s, account %s) may not %s validator %s: its owner is %s, %s", public, ledger.AddressOf(public[:]), ledger.OperationName(op), m, m.Owner, delegate)
}

// find is the validator that an argument names, refused if it left.
func (s *txSession) find(which string) (*member, error) {
	m, err := findMember(s.cmd.Context(), s.c, which)
	if err == nil && m.Status == ledger.StatusLeft {
		err = fmt.Errorf("validator %s left at height %d and does not come back: join with a new identity", m, m.Since)
	}
	return m, err
}

func newReadyCommand() *cobra.Command {
	var f txFlags
	var at instance
	cmd := &cobra.Command{
		Use:   "ready VALIDATOR (--home H | --admin URL)",
		Short: "Let a candidate's node say that it is synced",
		Long: `A candidate's node sends this by itself once it is synced; the command asks the
node to sign it now, by its admin service, and sends it. It is signed with the
node's identity and fee-free. A node that is not synced refuses.`,
		Example: "  bedrock tx validator ready fifth --home /var/lib/bedrock",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.checkWait(); err != nil {
				return err
			}
			cfg, err := at.config()
			if err != nil {
				return err
			}
			url := at.admin
			switch {
			case (cfg == nil) == (at.admin == ""):
				return errors.New("say which node is ready: --home H, or --admin URL")
			case cfg != nil:
				f.nodeFlags.fromHome(cfg)
				if url = "http://" + cfg.Admin.Listen; cfg.Admin.Listen == "" {
					return fmt.Errorf("set admin.listen in %s: the node's admin service signs", at.home)
				}
			}
			admin, err := adminClient(url)
			if err != nil {
				return err
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			m, err := findMember(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			res, err := admin.SignReady(cmd.Context(), connect.NewRequest(&nodev1.SignReadyRequest{Validator: m.Name[:]}))
			if err != nil {
				return unreachable(url, err)
			}
			tx, err := ledger.Decode(res.Msg.Transaction)
			if err != nil {
				return fmt.Errorf("%s: %w", url, err)
			}
			if op, ok := tx.Body.Operation.(ledger.Ready); !ok || op.Identity != m.Identity {
				return fmt.Errorf("the node at %s is not the instance of %s: that one has the identity %s", url, m, m.Identity)
			}
			return f.send(cmd, c, res.Msg.Transaction)
		},
	}
	f.nodeFlags.add(cmd)
	f.addWait(cmd)
	at.add(cmd)
	return cmd
}

func newDelegateCommand() *cobra.Command {
	var f txFlags
	cmd := &cobra.Command{
		Use:   "delegate VALIDATOR (PUBLIC_KEY | none)",
		Short: "Name the key that may rotate, maintain and leave a validator",
		Example: `  bedrock tx validator delegate node2 5e1f… --key owner.json
  bedrock tx validator delegate node2 none --key owner.json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var key ledger.ID
			if args[1] != "none" {
				var err error
				if key, err = ledger.ParseID(args[1]); err != nil {
					return fmt.Errorf("the delegate's public key (`bedrock keys show`), or none: %w", err)
				}
			}
			s, err := f.begin(cmd)
			if err != nil {
				return err
			}
			m, err := s.find(args[0])
			if err != nil {
				return err
			}
			public := s.public()
			if ledger.AddressOf(public[:]) != m.Owner {
				return fmt.Errorf("only its owner names the delegate of validator %s: that is %s, this key's account is %s", m, m.Owner, ledger.AddressOf(public[:]))
			}
			return s.pay(ledger.Delegate{Validator: m.Name, Delegate: key})
		},
	}
	f.add(cmd)
	return cmd
}

func newLeaveCommand() *cobra.Command {
	var f txFlags
	var fewer bool
	cmd := &cobra.Command{
		Use:     "leave VALIDATOR",
		Short:   "Take a validator out for good",
		Long:    "Its name, identity and key never come back. Signed by the owner, or by the delegate (fee-free).",
		Example: "  bedrock tx validator leave node2 --key owner.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := f.begin(cmd)
			if err != nil {
				return err
			}
			m, err := s.find(args[0])
			if err != nil {
				return err
			}
			return s.hand(m, ledger.Leave{Validator: m.Name, Expected: m.Identity, Flags: flags(fewer)})
		},
	}
	f.add(cmd)
	addFewer(cmd, &fewer)
	return cmd
}

func addFewer(cmd *cobra.Command, fewer *bool) {
	cmd.Flags().BoolVar(fewer, "allow-fewer", false, "also if fewer than four validators remain: the chain then stands no fault")
}

func flags(fewer bool) ledger.Flags {
	if fewer {
		return ledger.AllowFewer
	}
	return 0
}

func newMaintainCommand() *cobra.Command {
	var f txFlags
	var length time.Duration
	var giveBack bool
	cmd := &cobra.Command{
		Use:   "maintain VALIDATOR (--for DURATION | --give-back)",
		Short: "Take a lease on the disruption budget",
		Long: `Before a validator's node is stopped on purpose, a lease says so to everybody else
who stops nodes: it is granted while all leases together, this one included, are
below a third of the set's power. It ends by the chain's block time, or is given
back. A lease that runs is lengthened by the same command.`,
		Example: `  bedrock tx validator maintain node2 --for 20m --key delegate.json
  bedrock tx validator maintain node2 --give-back --key delegate.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if giveBack == (length != 0) || length < 0 || length > maxLease {
				return fmt.Errorf("say for how long, --for up to %s, or --give-back", maxLease)
			}
			s, err := f.begin(cmd)
			if err != nil {
				return err
			}
			m, err := s.find(args[0])
			if err != nil {
				return err
			}
			op := ledger.Maintain{Validator: m.Name, ExpectedEnd: m.LeaseEnd}
			if giveBack {
				if m.LeaseEnd == 0 {
					return fmt.Errorf("validator %s has no lease to give back", m)
				}
				return s.hand(m, op)
			}
			status, err := s.c.Status(cmd.Context())
			if err != nil {
				return err
			}
			op.End = status.FinalTimeMs + uint64(length.Milliseconds())
			return s.hand(m, op)
		},
	}
	f.add(cmd)
	cmd.Flags().DurationVar(&length, "for", 0, "how long the lease runs, from the newest block's time on")
	cmd.Flags().BoolVar(&giveBack, "give-back", false, "end the lease")
	return cmd
}
