package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/genesis"
)

func newGenesisCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "genesis",
		Short: "The document that names a chain",
	}
	cmd.AddCommand(newGenesisHashCommand(), newGenesisFormatCommand())
	return cmd
}

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
