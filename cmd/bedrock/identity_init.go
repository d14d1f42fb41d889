package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
)

// initFlags are those of `bedrock identity init`.
type initFlags struct {
	identityFlags
	scheme, keyFile, left, terminationLog string
	pw                                    passwordFlags
}

func newIdentityInitCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init --home H",
		Short: "Make the identity of a signer volume, once",
		Long: `Makes the network identity, the consensus key and an empty vote log, with mode
0600, and prints the public record. A volume that has an identity is refused.

With --mark it may run again, as a Job does: a volume that holds an identity under
the same marks gives its record once more, and nothing is made or read. Under other
marks it is refused. --termination-log writes the record to a file too, in one line
of at most 4096 bytes, for who cannot read the output.

--consensus-key takes in a key that was made elsewhere, from an encrypted keystore
("bedrock keys generate --kind consensus"). It is read once; from then on the
volume holds it, and it may sign only where the chain pairs it with this identity.
Whoever can read keystore and password together has the key.

--left IDENTITY is for a volume that was kept: where it holds that identity, which
has left the chain for good, that is set aside and a new one made.`,
		Example: `  bedrock identity init --home /var/lib/bedrock
  bedrock identity init --signer-dir /signer --mark $PVC_UID --mark $CLUSTER_UID --termination-log /dev/termination-log
  bedrock identity init --home H --consensus-key key.json --password-file pw`,
		Args: cobra.NoArgs,
		RunE: f.run,
	}
	f.add(cmd, true)
	f.pw.add(cmd)
	cmd.Flags().StringVar(&f.scheme, "scheme", "ed25519", "of the consensus key: ed25519 or bls12381, as genesis says")
	cmd.Flags().StringVar(&f.keyFile, "consensus-key", "", "keystore of a consensus key to take in")
	cmd.Flags().StringVar(&f.left, "left", "", "network identity that has left the chain: if the volume holds it, it is set aside")
	cmd.Flags().StringVar(&f.terminationLog, "termination-log", "", "also write the record to this file, in one line")
	return cmd
}

func (f *initFlags) run(cmd *cobra.Command, _ []string) error {
	dir, err := f.volume()
	if err != nil {
		return err
	}
	record, err := f.make(cmd, dir)
	if err != nil {
		return err
	}
	if err := f.leave(&record); err != nil {
		return err
	}
	return showRecord(cmd, &record)
}

// make makes the identity, or finds the one that was made under the same marks. A key
// that was brought is not looked at then.
func (f *initFlags) make(cmd *cobra.Command, dir string) (signer.Record, error) {
	opt := signer.InitOptions{Marks: f.marks, AllowUnsafeFileSystem: f.allowUnsafe}
	var err error
	if opt.Scheme, err = genesis.ParseScheme(f.scheme); err != nil {
		return signer.Record{}, fmt.Errorf("--scheme: %w", err)
	}
	if f.left != "" {
		if _, err := signer.After(dir, opt, f.left); err != nil {
			return signer.Record{}, err
		}
	}
	if len(f.marks) > 0 || f.left != "" {
		record, err := signer.Held(dir, signer.Options{Marks: f.marks, AllowUnsafeFileSystem: f.allowUnsafe})
		if err == nil && record.Scheme != f.scheme {
			err = fmt.Errorf("%s holds an identity with a consensus key of scheme %s, not %s: use an empty volume", dir, record.Scheme, f.scheme)
		}
		if !errors.Is(err, signer.ErrNoIdentity) {
			return record, err
		}
	}
	if f.keyFile != "" {
		key, err := openKeystore(cmd, f.keyFile, &f.pw)
		if err != nil {
			return signer.Record{}, err
		}
		if key.Kind != kindConsensus || key.Scheme != f.scheme {
			return signer.Record{}, fmt.Errorf("%s holds a key of kind %s for %s: a consensus key for %s is needed", f.keyFile, key.Kind, key.Scheme, f.scheme)
		}
		opt.BroughtKey = key.Secret
	}
	return signer.Init(dir, opt)
}

// leave writes the record where a supervisor finds it.
func (f *initFlags) leave(record *signer.Record) error {
	if f.terminationLog == "" {
		return nil
	}
	b, err := json.Marshal(record)
	if err != nil {
		return err
	}
	if len(b) > genesis.MaxRecordBytes {
		return fmt.Errorf("--termination-log: the record has %d bytes, at most %d", len(b), genesis.MaxRecordBytes)
	}
	if err := os.WriteFile(f.terminationLog, b, 0o644); err != nil {
		return fmt.Errorf("--termination-log: %w", err)
	}
	return nil
}
