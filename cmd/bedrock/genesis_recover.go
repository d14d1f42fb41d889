package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

func newGenesisRecoverCommand() *cobra.Command {
	var home, begins string
	var survivors, bodies []string
	cmd := &cobra.Command{
		Use:   "recover --home H --survivor V --survivor V …",
		Short: "Make the genesis that continues a chain whose signer volumes are lost",
		Long: `A chain of which more than a third of the power has lost its signer volumes for good
halts, and no rotation can be decided. Its people then agree on a recovery genesis:
it continues the state and the heights of the old chain with the survivors as its
first set, under a hash of its own, so that no signature of one counts in the other.

Stop all survivors first. H is the home of the one with the highest lock, which is the
one of the latest view in the latest epoch, at whatever height ("bedrock inspect
votelog"); blocks up to that lock are executed and stored first, since somebody may
have seen them final. Where its vote log lacks one of them (it locked a block that it
never voted for), name the signer folders of other survivors as --bodies: of a copy
identity.json and votelog/ are enough, keys are never copied. Name all survivors, by
moniker or network identity; their powers stay. Prints the document; the authority of the old state signs it ("bedrock genesis
sign"), and a survivor refuses it otherwise.`,
		Example: `  bedrock genesis recover --home /var/lib/bedrock --survivor node0 --survivor node1 > unsigned.json
  bedrock genesis sign unsigned.json --key a.json > one.json
  bedrock genesis sign one.json --key b.json > recovery.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(home, os.Environ())
			if err != nil {
				return err
			}
			o := node.RecoveryOptions{Home: home, Config: &cfg, TimeMs: uint64(time.Now().UnixMilli()), Bodies: bodies}
			if begins != "" {
				at, err := time.Parse(time.RFC3339, begins)
				if err != nil {
					return fmt.Errorf("--time: write it as 2026-11-22T12:00:00Z: %w", err)
				}
				o.TimeMs = uint64(at.UnixMilli())
			}
			if o.Survivors, err = survivorsOf(cfg.Genesis.File, survivors); err != nil {
				return err
			}
			g, err := node.MakeRecovery(cmd.Context(), o)
			if err != nil {
				return fmt.Errorf("genesis recover: %w", err)
			}
			_, err = cmd.OutOrStdout().Write(g.Bytes())
			return err
		},
	}
	cmd.Flags().StringVar(&home, "home", "", "home of a survivor, whose node does not run")
	cmd.Flags().StringArrayVar(&survivors, "survivor", nil, "moniker at genesis, or network identity, of a validator whose signer volume is there; once for each")
	cmd.Flags().StringArrayVar(&bodies, "bodies", nil, "signer folder of another survivor, whose node does not run, to read blocks from its vote log")
	cmd.Flags().StringVar(&begins, "time", "", "when this was decided, as 2026-11-22T12:00:00Z (default: now)")
	for _, name := range []string{"home", "survivor"} {
		must(cmd.MarkFlagRequired(name))
	}
	return cmd
}

// survivorsOf reads network identities, or monikers of a genesis.
func survivorsOf(file string, names []string) ([][32]byte, error) {
	g, err := genesis.Load(file)
	if err != nil {
		return nil, err
	}
	var out [][32]byte
	for _, name := range names {
		id, err := ledger.ParseID(name)
		for i := range g.Validators {
			if g.Validators[i].Moniker == name {
				id, err = ledger.ID(g.Validators[i].NetworkKey), nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("--survivor %q is neither a moniker of genesis nor a network identity (`bedrock identity show` prints it)", name)
		}
		out = append(out, id)
	}
	return out, nil
}

func newGenesisSignCommand() *cobra.Command {
	var f txFlags
	cmd := &cobra.Command{
		Use:   "sign FILE --key AUTHORITY.json",
		Short: "Sign a recovery genesis with a key of the old state's authority",
		Long: `Adds a signature and prints the document. Its hash changes with each: sign with all
keys first, then compare "bedrock genesis hash" and hand it out.`,
		Example: `  bedrock genesis sign unsigned.json --key a.json > one.json
  bedrock genesis sign unsigned.json --accounts net/accounts.json --index authority0 > one.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := genesis.Load(args[0])
			if err != nil {
				return err
			}
			if g.Continues == nil {
				return errors.New("the document continues no chain: only a recovery genesis (`bedrock genesis recover`) is signed")
			}
			key, err := f.signer(cmd)
			if err != nil {
				return err
			}
			if g, err = g.Cosign(key); err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(g.Bytes())
			return err
		},
	}
	cmd.Flags().StringVar(&f.key, "key", "", "keystore of a key of the authority")
	cmd.Flags().StringVar(&f.accounts, "accounts", "", "a test network's accounts.json, in place of --key")
	addIndex(cmd, &f.index)
	f.pw.add(cmd)
	return cmd
}
