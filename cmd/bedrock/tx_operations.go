package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

const maxBatchFile = 1 << 20

func newTransferCommand() *cobra.Command {
	var f txFlags
	cmd := &cobra.Command{
		Use:   "transfer ADDRESS AMOUNT",
		Short: "Send an amount to an address",
		Example: `  bedrock tx transfer bed1… 250 --key alice.json --genesis net/genesis.json
  bedrock tx transfer bed1… 250 --accounts devnet/accounts.json --index 1 --output json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			payment, err := parsePayment(args[0], args[1])
			if err != nil {
				return err
			}
			return f.run(cmd, ledger.Transfer(payment))
		},
	}
	f.add(cmd)
	return cmd
}

func parsePayment(to, amount string) (ledger.Payment, error) {
	address, err := ledger.ParseAddress(to)
	if err != nil {
		return ledger.Payment{}, err
	}
	n, err := ledger.ParseAmount(amount)
	if err != nil {
		return ledger.Payment{}, fmt.Errorf("amount: %w", err)
	}
	return ledger.Payment{To: address, Amount: n}, nil
}

func newBatchCommand() *cobra.Command {
	var f txFlags
	cmd := &cobra.Command{
		Use:   "batch FILE",
		Short: "Send amounts to up to 1,000 addresses in one transaction",
		Long: `Reads a JSON list of payments, [{"to": "bed1…", "amount": "250"}, …], from FILE or from
standard input ("-"). Either all are paid or none.`,
		Example: "  bedrock tx batch payroll.json --key treasury.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readFile(cmd, args[0], maxBatchFile)
			if err != nil {
				return err
			}
			var batch ledger.BatchTransfer
			dec := json.NewDecoder(bytes.NewReader(raw))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&batch); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return f.run(cmd, batch)
		},
	}
	f.add(cmd)
	return cmd
}

func newRecordPutCommand() *cobra.Command {
	var f txFlags
	var file string
	cmd := &cobra.Command{
		Use:   "put KEY [DATA]",
		Short: "Write a record of the account, or replace it",
		Long: `Writes DATA, or the content of --file, under KEY. A deposit is taken for each byte
and given back when the record is deleted. KEY and DATA are text, or bytes in hex
behind 0x.`,
		Example: `  bedrock tx record put invoice/2026-11 "sha256:…" --key alice.json
  bedrock tx record put report --file report.sha256 --key alice.json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := parseBytes(args[0])
			if err != nil {
				return fmt.Errorf("key: %w", err)
			}
			var data []byte
			switch {
			case file != "" && len(args) == 2:
				return errors.New("DATA and --file both name the data: give one")
			case file != "":
				data, err = readFile(cmd, file, ledger.MaxRecordBytes)
			case len(args) == 2:
				data, err = parseBytes(args[1])
			}
			if err != nil {
				return fmt.Errorf("data: %w", err)
			}
			return f.run(cmd, ledger.RecordPut{Key: key, Data: data})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&file, "file", "", "file with the data; '-': standard input")
	return cmd
}

func newRecordDeleteCommand() *cobra.Command {
	var f txFlags
	cmd := &cobra.Command{
		Use:     "delete KEY",
		Short:   "Delete a record of the account and take its deposit back",
		Example: "  bedrock tx record delete invoice/2026-11 --key alice.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := parseBytes(args[0])
			if err != nil {
				return fmt.Errorf("key: %w", err)
			}
			return f.run(cmd, ledger.RecordDelete{Key: key})
		},
	}
	f.add(cmd)
	return cmd
}

// parseBytes reads text, or bytes in hex behind 0x.
func parseBytes(s string) ([]byte, error) {
	digits, isHex := strings.CutPrefix(s, "0x")
	if !isHex {
		return []byte(s), nil
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%q is not hex", s)
	}
	return b, nil
}
