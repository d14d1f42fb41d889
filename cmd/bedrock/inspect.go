package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
)

// databaseName is the folder of the database on a chain volume.
const databaseName = "db"

func newInspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Look into the volumes of a node that is stopped",
	}
	cmd.AddCommand(newInspectDBCommand(), newInspectVoteLogCommand())
	return cmd
}

func newInspectDBCommand() *cobra.Command {
	var home string
	cmd := &cobra.Command{
		Use:     "db --home H",
		Short:   "The database: tip, floors, sizes, and whether it would open",
		Example: "  bedrock inspect db --home devnet/node0 --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(home, nil)
			if err != nil {
				return err
			}
			in, err := storage.Inspect(filepath.Join(cfg.Dirs.Data, databaseName), storage.Options{})
			if err != nil {
				return err
			}
			err = show(cmd, in, func(w io.Writer) { printDB(w, &in) })
			if err == nil && in.Problem != "" {
				return fmt.Errorf("the database would not open: %s", in.Problem)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&home, "home", "", "the node's home")
	must(cmd.MarkFlagRequired("home"))
	addOutputFlag(cmd)
	return cmd
}

func printDB(w io.Writer, in *storage.Inspection) {
	fmt.Fprintf(w, "database     %s (schema %d) in %s\ngenesis      %s\n", in.DatabaseID, in.Schema, in.Dir, in.Genesis)
	if in.Empty {
		fmt.Fprintln(w, "             holds nothing yet")
		return
	}
	fmt.Fprintf(w, "tip          height %d, block %s\nstate root   %s (tree of height %d)\noutcome      %s\nepoch        %d\nkept from    blocks %d, state %d\nfilling      %t\n",
		in.Tip, in.Block, in.StateRoot, in.TreeVersion, in.OutcomeHash, in.Epoch, in.FloorBlocks, in.FloorState, in.Filling)
	for _, f := range in.Families {
		fmt.Fprintf(w, "%-12s about %d keys, %d bytes, %d in blobs\n", f.Name, f.Keys, f.SSTBytes, f.BlobBytes)
	}
	if in.Problem != "" {
		fmt.Fprintf(w, "PROBLEM      %s\n", in.Problem)
	}
}

func newInspectVoteLogCommand() *cobra.Command {
	var home string
	cmd := &cobra.Command{
		Use:     "votelog --home H",
		Short:   "The vote log: what was signed last, and any damage",
		Example: "  bedrock inspect votelog --home devnet/node0",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(home, nil)
			if err != nil {
				return err
			}
			record, err := signer.ReadRecord(cfg.Dirs.Signer)
			if err != nil {
				return err
			}
			_, owner, _, err := record.Keys()
			if err != nil {
				return err
			}
			in, err := votelog.Inspect(filepath.Join(cfg.Dirs.Signer, "votelog"), votelog.Options{Owner: owner})
			if err != nil {
				return err
			}
			err = show(cmd, in, func(w io.Writer) { printVoteLog(w, &in) })
			if err == nil && in.Foreign != "" {
				return fmt.Errorf("the vote log cannot be used: %s", in.Foreign)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&home, "home", "", "the node's home")
	must(cmd.MarkFlagRequired("home"))
	addOutputFlag(cmd)
	return cmd
}

func printVoteLog(w io.Writer, in *votelog.Inspection) {
	fmt.Fprintf(w, "vote log     %s: %d segments, %d slots, %d records\n", in.Dir, len(in.Segments), len(in.Slots), len(in.Records))
	if s := in.State; s != nil {
		fmt.Fprintf(w, "newest       record %d, epoch %d\nvoted        view %d, height %d, block %s\ncommitted    view %d, height %d\ntimed out    view %d\nlock         view %d, height %d\nproposed     view %d, optimistically %d\nsynced       height %d\n",
			in.Winner, s.Epoch, s.VotedView, s.VotedHeight, s.VotedBlock, s.CommitView, s.CommitHeight, s.TimeoutView, s.LockView, s.LockHeight,
			s.ProposedView, s.OptimisticView, s.SyncedHeight)
	}
	for _, d := range in.Damage {
		fmt.Fprintf(w, "damage       %s\n", d)
	}
	if in.Foreign != "" {
		fmt.Fprintf(w, "FOREIGN      %s\n", in.Foreign)
	}
}
