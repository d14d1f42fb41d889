package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/keystore"
)

// keystoreWork is what a guess at a password costs; tests lower it.
var keystoreWork = keystore.Standard

func newKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Keys of accounts, owners, authority and delegates, in encrypted keystores",
		Long: `Keystores are JSON files in the style of EIP-2335: scrypt, AES-128-CTR, a checksum,
mode 0600. The password comes from --password-file, $BEDROCK_PASSWORD or the
terminal.

A validator's keys are not among them: they are born on its signer volume and
never leave it. Only a consensus key that was made here may be brought to one
("bedrock identity init --consensus-key").`,
	}
	cmd.AddCommand(newKeysGenerateCommand(), newKeysShowCommand(), newKeysImportCommand(), newKeysExportCommand())
	return cmd
}

// keyResult is what is printed of a key.
type keyResult struct {
	File        string `json:"file"`
	Kind        string `json:"kind"`
	Scheme      string `json:"scheme"`
	PublicKey   string `json:"public_key"`
	Address     string `json:"address,omitempty"`
	Description string `json:"description,omitempty"`
}

func showKey(cmd *cobra.Command, path string, p keystore.Public) error {
	r := keyResult{File: path, Kind: p.Kind, Scheme: p.Scheme, PublicKey: p.PublicKey, Description: p.Description}
	if p.Kind != kindConsensus {
		public, err := hex.DecodeString(p.PublicKey)
		if err != nil {
			return fmt.Errorf("%s: public key: %w", path, err)
		}
		r.Address = addressText(public)
	}
	return show(cmd, r, func(w io.Writer) {
		fmt.Fprintf(w, "file        %s\nkind        %s (%s)\npublic key  %s\n", r.File, r.Kind, r.Scheme, r.PublicKey)
		if r.Address != "" {
			fmt.Fprintf(w, "address     %s\n", r.Address)
		}
		if r.Description != "" {
			fmt.Fprintf(w, "            %s\n", r.Description)
		}
	})
}

// newKeyFlags are those of commands that write a keystore.
type newKeyFlags struct {
	kind, scheme, out, description string
	pw                             passwordFlags
}

func (f *newKeyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kind, "kind", keystore.KindAccount, strings.Join(keystore.Kinds(), ", "))
	cmd.Flags().StringVar(&f.scheme, "scheme", "ed25519", "ed25519; of a consensus key also bls12381")
	cmd.Flags().StringVar(&f.out, "out", "", "keystore to write; it must not exist")
	cmd.Flags().StringVar(&f.description, "description", "", "a note, in clear")
	f.pw.add(cmd)
	addOutputFlag(cmd)
	must(cmd.MarkFlagRequired("out"))
}

func (f *newKeyFlags) write(cmd *cobra.Command, secret []byte) error {
	key, err := keystore.NewKey(f.kind, f.scheme, secret)
	if err != nil {
		return err
	}
	key.Description = f.description
	if _, err := os.Lstat(f.out); err == nil {
		return fmt.Errorf("%s exists: name another file with --out", f.out)
	}
	password, err := f.pw.read(cmd, true)
	if err != nil {
		return err
	}
	raw, err := keystore.Encrypt(key, password, keystoreWork)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write keystore: %w", err)
	}
	_, err = file.Write(raw)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write keystore %s: %w", f.out, err)
	}
	public, err := keystore.Inspect(raw)
	if err != nil {
		return err
	}
	return showKey(cmd, f.out, public)
}

func newKeysGenerateCommand() *cobra.Command {
	var f newKeyFlags
	cmd := &cobra.Command{
		Use:   "generate --out FILE",
		Short: "Make a key and write its keystore",
		Example: `  bedrock keys generate --out alice.json
  bedrock keys generate --kind consensus --scheme bls12381 --out validator.json --password-file pw`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const tries = 128 // bls12381 refuses about half of the numbers
			for i := 0; ; i++ {
				secret := make([]byte, 32)
				if _, err := io.ReadFull(rand.Reader, secret); err != nil {
					return fmt.Errorf("make key: %w", err)
				}
				if _, err := keystore.NewKey(f.kind, f.scheme, secret); err == nil || i == tries {
					return f.write(cmd, secret)
				}
			}
		},
	}
	f.add(cmd)
	return cmd
}

func newKeysShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show FILE",
		Short:   "Print what a keystore tells without its password",
		Example: "  bedrock keys show alice.json --output json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readKeystore(cmd, args[0])
			if err != nil {
				return err
			}
			public, err := keystore.Inspect(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return showKey(cmd, args[0], public)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newKeysImportCommand() *cobra.Command {
	var f newKeyFlags
	var secretFile string
	cmd := &cobra.Command{
		Use:   "import --secret-file FILE --out FILE",
		Short: "Write the keystore of a secret that is at hand",
		Long: `Reads 32 bytes in hex (an Ed25519 seed, or a BLS12-381 scalar) and writes them into
an encrypted keystore. Remove the file with the secret afterwards.`,
		Example: "  bedrock keys import --secret-file seed.hex --out alice.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := readKeystore(cmd, secretFile)
			if err != nil {
				return err
			}
			secret, err := hex.DecodeString(strings.TrimSpace(string(raw)))
			if err != nil || len(secret) != 32 {
				return fmt.Errorf("%s does not hold 64 hex digits", secretFile)
			}
			return f.write(cmd, secret)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&secretFile, "secret-file", "", "file with the secret in hex; '-': standard input")
	must(cmd.MarkFlagRequired("secret-file"))
	return cmd
}

func newKeysExportCommand() *cobra.Command {
	var pw passwordFlags
	var plain bool
	cmd := &cobra.Command{
		Use:   "export FILE --plain",
		Short: "Print the secret of a keystore",
		Long: `Prints the secret in hex, in clear. A key that was born on a signer volume is never
exported: no command does that.`,
		Example: "  bedrock keys export alice.json --plain --password-file pw > seed.hex",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !plain {
				return errors.New("the secret would be printed in clear: say that you want that with --plain; to move a key, copy the keystore")
			}
			key, err := openKeystore(cmd, args[0], &pw)
			if err != nil {
				return err
			}
			result := map[string]string{"kind": key.Kind, "scheme": key.Scheme, "secret": hex.EncodeToString(key.Secret)}
			return show(cmd, result, func(w io.Writer) { fmt.Fprintln(w, result["secret"]) })
		},
	}
	pw.add(cmd)
	cmd.Flags().BoolVar(&plain, "plain", false, "print the secret in clear")
	addOutputFlag(cmd)
	return cmd
}
