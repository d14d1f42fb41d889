package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/signer"
)

func newIdentityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "The identity of a signer volume",
		Long: `A signer volume is an instance: on it a network identity is born, with a consensus
key and an empty vote log, and it never leaves. The chain's validator set says
which instance may sign (docs/keys.md).`,
	}
	cmd.AddCommand(newIdentityInitCommand(), newIdentityShowCommand(), newIdentityConsentCommand(), newIdentityAdoptCommand())
	return cmd
}

// identityFlags are those that say which volume, and as what it is mounted.
type identityFlags struct {
	home, dir   string
	marks       []string
	allowUnsafe bool
}

func (f *identityFlags) add(cmd *cobra.Command, marks bool) {
	cmd.Flags().StringVar(&f.home, "home", "", "the node's home; the volume is HOME/signer")
	cmd.Flags().StringVar(&f.dir, "signer-dir", "", "the signer volume, where it is not in the home")
	if marks {
		cmd.Flags().StringSliceVar(&f.marks, "mark", nil, "what the volume is mounted as (UIDs of volume and cluster); default: machine, file system, inode")
		cmd.Flags().BoolVar(&f.allowUnsafe, "allow-unsafe-file-system", false, "accept network and overlay file systems (devnets only)")
	}
	addOutputFlag(cmd)
}

func (f *identityFlags) volume() (string, error) {
	switch {
	case f.dir != "":
		return f.dir, nil
	case f.home != "":
		return filepath.Join(f.home, "signer"), nil
	}
	return "", fmt.Errorf("name the volume: --home H or --signer-dir D")
}

func newIdentityShowCommand() *cobra.Command {
	var f identityFlags
	cmd := &cobra.Command{
		Use:     "show --home H",
		Short:   "Print the public record of a signer volume",
		Example: "  bedrock identity show --home devnet/node0",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := f.volume()
			if err != nil {
				return err
			}
			record, err := signer.ReadRecord(dir)
			if err != nil {
				return err
			}
			return showRecord(cmd, &record)
		},
	}
	f.add(cmd, false)
	return cmd
}

func newIdentityAdoptCommand() *cobra.Command {
	var f identityFlags
	var folder string
	var statement bool
	cmd := &cobra.Command{
		Use:   "adopt --home H --no-other-copy",
		Short: "Take back an identity that is bound to other marks",
		Long: `A signer volume that comes up under other marks than it records (another claim,
machine or file system) gets a new identity, which the chain must name before it
signs. Where the old volume itself was moved, and no copy of it exists, a person
may take the old identity back, under the marks that the volume has now.

Two copies of one identity are what makes a validator sign twice. The command
needs your statement that no other copy exists or will be started. At its next
start the node still asks the other validators for newer signatures of its key.`,
		Example: `  bedrock identity adopt --home /var/lib/bedrock --no-other-copy
  bedrock identity adopt --home H --mark $PVC_UID --mark $CLUSTER_UID --no-other-copy --folder aside-0001`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := f.volume()
			if err != nil {
				return err
			}
			record, err := signer.Adopt(dir, signer.AdoptOptions{
				Folder: folder, Marks: f.marks, NoOtherCopy: statement, AllowUnsafeFileSystem: f.allowUnsafe,
			})
			if err != nil {
				return err
			}
			return showRecord(cmd, &record)
		},
	}
	f.add(cmd, true)
	cmd.Flags().StringVar(&folder, "folder", "", "which identity that was set aside, where there are several")
	cmd.Flags().BoolVar(&statement, "no-other-copy", false, "state that no other copy of this volume exists or will be started")
	return cmd
}

// showRecord prints JSON in both formats: the record is read by programs.
func showRecord(cmd *cobra.Command, record *signer.Record) error {
	return show(cmd, record, func(w io.Writer) {
		b, err := json.MarshalIndent(record, "", "  ")
		must(err) // strings and numbers only
		fmt.Fprintf(w, "%s\n", b)
	})
}
