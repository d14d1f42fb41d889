package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/signer"
)

func newGenesisCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "genesis",
		Short: "The document that names a chain",
	}
	cmd.AddCommand(newGenesisMakeCommand(), newGenesisHashCommand(), newGenesisFormatCommand(), newGenesisRecoverCommand(), newGenesisSignCommand())
	return cmd
}

func newGenesisMakeCommand() *cobra.Command {
	var o home.Options
	var records []string
	var executorFile, appStateFile, begins string
	cmd := &cobra.Command{
		Use:   "make --chain-id C --time T --app-state FILE --record FILE --record FILE …",
		Short: "Make the genesis of validators that several people run",
		Long: `Prints the genesis document of the public records that "bedrock identity show" gave,
in the order in which they are named. The same flags and records give the same
bytes, so that everybody can make it and compare the hash.`,
		Example: `  bedrock genesis make --chain-id consortium --time 2026-11-22T12:00:00Z \
      --app-state ledger.json --record a.json --record b.json --record c.json --record d.json > genesis.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Time, err = time.Parse(time.RFC3339, begins); err != nil {
				return fmt.Errorf("--time: write it as 2026-11-22T12:00:00Z: %w", err)
			}
			if _, o.ExecutorHash, err = chooseModule(cmd, executorFile); err != nil {
				return err
			}
			if o.AppState, err = readFile(cmd, appStateFile, maxAppStateBytes); err != nil {
				return fmt.Errorf("--app-state: %w", err)
			}
			list := make([]signer.Record, len(records))
			for i, path := range records {
				raw, err := readFile(cmd, path, maxRecordBytes)
				if err != nil {
					return fmt.Errorf("--record: %w", err)
				}
				if list[i], err = signer.ParseRecord(raw); err != nil {
					return fmt.Errorf("--record %s: %w", path, err)
				}
			}
			g, err := home.Document(o, list)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(g.Bytes())
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ChainID, "chain-id", "", "name of the chain: a-z, 0-9 and '-'")
	f.StringVar(&begins, "time", "", "time of height 0, as 2026-11-22T12:00:00Z")
	f.StringArrayVar(&records, "record", nil, "public record of a validator; once for each")
	f.StringVar(&appStateFile, "app-state", "", "ledger state to begin with, as JSON")
	f.StringVar(&o.Scheme, "scheme", "ed25519", "signature scheme: ed25519 or bls12381")
	f.BoolVar(&o.WideArea, "wide-area", true, "timers for validators far from each other")
	f.StringVar(&executorFile, "executor", "", "executor module (default: the built-in one)")
	f.Uint64Var(&o.MaxBytes, "max-block-bytes", 2<<20, "most bytes of transactions in a block")
	f.Uint64Var(&o.MaxGas, "max-block-gas", 1_000_000_000, "most gas in a block")
	for _, name := range []string{"chain-id", "time", "record", "app-state"} {
		must(cmd.MarkFlagRequired(name))
	}
	return cmd
}

// maxRecordBytes bounds a public record.
const maxRecordBytes = 64 << 10

func newGenesisHashCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "hash FILE",
		Short:   "Check a genesis document and print its hash",
		Example: "  bedrock genesis hash net/genesis.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := genesis.Load(args[0])
			if err != nil {
				return err
			}
			result := struct {
				ChainID    string `json:"chain_id"`
				Hash       string `json:"genesis_hash"`
				Scheme     string `json:"scheme"`
				Validators int    `json:"validators"`
			}{g.ChainID, g.Hash().String(), g.Scheme, len(g.Validators)}
			return show(cmd, result, func(w io.Writer) { fmt.Fprintf(w, "%s  %s\n", result.Hash, result.ChainID) })
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newGenesisFormatCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "format FILE",
		Short: "Print a genesis document in its one form",
		Long: `Prints the document as canonical JSON: keys sorted, no white space, whole numbers.
Another form has another hash, so this is for a chain that has not started.`,
		Example: "  bedrock genesis format draft.json > genesis.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readFile(cmd, args[0], genesis.MaxBytes)
			if err != nil {
				return err
			}
			out, err := genesis.Canonical(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if _, err := genesis.Parse(out); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = cmd.OutOrStdout().Write(out)
			return err
		},
	}
}
