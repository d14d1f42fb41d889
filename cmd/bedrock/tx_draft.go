package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// authorityOf reads and verifies the authority.
func authorityOf(cmd *cobra.Command, c *client.Client) (*ledger.Authority, error) {
	row, err := c.Query(cmd.Context(), "authority", nil, 0, ledger.AuthorityKey())
	if err != nil {
		return nil, err
	}
	if row.Absent {
		return nil, errors.New("this chain has no authority: its genesis names none, so nobody can do this")
	}
	a, err := ledger.DecodeAuthority(row.Value)
	return &a, err
}

// enough says what is missing before a draft can be sent.
func enough(d *ledger.Draft, authority *ledger.Authority) error {
	signed := 0
	for _, key := range d.Signers() {
		if !slices.Contains(authority.Keys, key) {
			return fmt.Errorf("the key %s signed and is not the authority's (`bedrock query authority`)", key)
		}
		signed++
	}
	if signed < int(authority.Threshold) {
		return fmt.Errorf("%d of the authority's %d keys must sign and %d has: name more with --authority-key, or hand it on with --draft FILE and `bedrock tx authority sign FILE`",
			authority.Threshold, len(authority.Keys), signed)
	}
	return nil
}

func enoughSigned(cmd *cobra.Command, c *client.Client, d *ledger.Draft) error {
	if !ledger.NeedsAuthority(d.Body.Operation) {
		return nil
	}
	authority, err := authorityOf(cmd, c)
	if err != nil {
		return err
	}
	return enough(d, authority)
}

func keepDraft(cmd *cobra.Command, d *ledger.Draft, path string) error {
	raw, err := d.Encode()
	if err != nil {
		return err
	}
	if err := writeWhole(path, raw); err != nil {
		return fmt.Errorf("write half-signed transaction: %w", err)
	}
	return showDraft(cmd, d, path)
}

// draftResult is what is printed of a draft: what its holder signs.
type draftResult struct {
	File       string      `json:"file"`
	Genesis    ledger.ID   `json:"genesis_hash"`
	Payer      ledger.ID   `json:"payer"`
	Paid       bool        `json:"payer_signed"`
	Nonce      uint64      `json:"nonce"`
	GasLimit   uint64      `json:"gas_limit"`
	GasPrice   uint64      `json:"gas_price"`
	ValidUntil uint64      `json:"valid_until"`
	Operation  string      `json:"operation"`
	Details    []string    `json:"details"`
	Signers    []ledger.ID `json:"signers"`
}

func showDraft(cmd *cobra.Command, d *ledger.Draft, path string) error {
	b := &d.Body
	r := draftResult{File: path, Genesis: b.Genesis, Payer: b.Payer, Paid: d.PayerSigned(), Nonce: b.Nonce, GasLimit: b.GasLimit, GasPrice: b.GasPrice,
		ValidUntil: b.ValidUntil, Operation: ledger.OperationName(b.Operation), Details: describe(b.Operation), Signers: append([]ledger.ID{}, d.Signers()...)}
	return show(cmd, r, func(w io.Writer) {
		fmt.Fprintf(w, "operation    %s\n", r.Operation)
		for _, line := range r.Details {
			fmt.Fprintf(w, "  %s\n", line)
		}
		fmt.Fprintf(w, "chain        %s\npayer        %s (nonce %d, signed: %t)\nvalid until  %d\n", r.Genesis, r.Payer, r.Nonce, r.Paid, r.ValidUntil)
		for _, key := range r.Signers {
			fmt.Fprintf(w, "signed by    %s\n", key)
		}
		fmt.Fprintf(w, "file         %s\n", r.File)
	})
}

// describe says what an operation of the authority does, so that its holders see
// what they sign.
func describe(op ledger.Operation) []string {
	lines := []string{}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	switch o := op.(type) {
	case ledger.Weigh:
		for _, w := range o.Weights {
			add("validator %s gets power %d", w.Validator, w.Power)
		}
		if o.Flags&ledger.AllowFewer != 0 {
			add("also if fewer than four validators remain")
		}
	case ledger.SetParameters:
		for _, s := range o {
			add("%s = %d", ledger.ParameterNames[s.Index], s.Value)
		}
	case ledger.SetAuthority:
		add("%d of %d keys must sign from then on", o.Threshold, len(o.Keys))
		for _, key := range o.Keys {
			add("key %s", key)
		}
	case ledger.Schedule:
		add("executor %s, engine %d, between heights %d and %d", o.Executor, o.Engine, o.NotBefore, o.NotAfter)
	case ledger.Cancel:
		add("executor %s", o.Executor)
	}
	return lines
}

func newAuthoritySignCommand() *cobra.Command {
	var f txFlags
	var out string
	cmd := &cobra.Command{
		Use:   "sign FILE …",
		Short: "Add a signature to a half-signed transaction, offline",
		Long: `Shows what the transaction does, adds the signature of the key that is named, and
writes it back (or to --out). Several copies that were signed apart are put
together. Without a key nothing is added: that shows and combines. No node is asked.`,
		Example: `  bedrock tx authority sign weigh.json --key mine.json
  bedrock tx authority sign from-a.json from-b.json --out weigh.json`,
		Args: cobra.RangeArgs(1, ledger.MaxAuthorityKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			var d *ledger.Draft
			for _, path := range args {
				raw, err := readFile(cmd, path, ledger.MaxDraftBytes)
				if err != nil {
					return err
				}
				one, err := ledger.ParseDraft(raw)
				if err != nil {
					return fmt.Errorf("%s: %w: --draft of a command of `bedrock tx authority` makes one", path, err)
				}
				if d == nil {
					d = one
				} else if err := d.Combine(one); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
			if f.key != "" || f.accounts != "" {
				key, err := f.signer(cmd)
				if err != nil {
					return err
				}
				if err := d.Sign(key); err != nil {
					return err
				}
			}
			if out == "" {
				out = args[0]
			}
			return keepDraft(cmd, d, out)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "keystore of the key of the authority that signs")
	flags.StringVar(&f.accounts, "accounts", "", "accounts.json of a test network, in place of --key")
	addIndex(cmd, &f.index)
	flags.StringVar(&out, "out", "", "file to write (default: the first FILE)")
	f.pw.add(cmd)
	addOutputFlag(cmd)
	return cmd
}
