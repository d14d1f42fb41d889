package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bedrock-bft/bedrock/client/keystore"
)

// passwordEnv holds a password where neither prompt nor file is wanted.
const passwordEnv = "BEDROCK_PASSWORD"

const (
	kindConsensus    = keystore.KindConsensus
	maxPasswordBytes = 4 << 10
)

// passwordFlags say where a keystore's password comes from: a file, the
// environment, or the terminal.
type passwordFlags struct{ file string }

func (f *passwordFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "password-file", "", "file whose first line is the keystore's password (default: $"+passwordEnv+", else it is asked for)")
}

// read answers the password; a new one is asked for twice.
func (f *passwordFlags) read(cmd *cobra.Command, isNew bool) (string, error) {
	if f.file != "" {
		b, err := readFile(cmd, f.file, maxPasswordBytes)
		if err != nil {
			return "", fmt.Errorf("--password-file: %w", err)
		}
		line, _, _ := strings.Cut(string(b), "\n")
		return strings.TrimSuffix(line, "\r"), nil
	}
	if p, ok := os.LookupEnv(passwordEnv); ok {
		return p, nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !isTerminal(in) {
		return "", errors.New("a password is needed and there is no terminal to ask at: give --password-file or set " + passwordEnv)
	}
	password, err := prompt(in, cmd.ErrOrStderr(), "Password: ")
	if err != nil || !isNew {
		return password, err
	}
	again, err := prompt(in, cmd.ErrOrStderr(), "Once more: ")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two passwords differ: try again")
	}
	return password, nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// prompt reads a line from a terminal that shows nothing of it.
func prompt(in *os.File, out io.Writer, text string) (string, error) {
	fd := int(in.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	defer func() {
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, before) // nothing else could be done
		fmt.Fprintln(out)
	}()
	fmt.Fprint(out, text)
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordBytes)).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// openKeystore reads a keystore file and decrypts it.
func openKeystore(cmd *cobra.Command, path string, pw *passwordFlags) (keystore.Key, error) {
	raw, err := readKeystore(cmd, path)
	if err != nil {
		return keystore.Key{}, err
	}
	if _, err := keystore.Inspect(raw); err != nil { // before asking for a password
		return keystore.Key{}, fmt.Errorf("%s: %w", path, err)
	}
	password, err := pw.read(cmd, false)
	if err != nil {
		return keystore.Key{}, err
	}
	key, err := keystore.Decrypt(raw, password)
	if errors.Is(err, keystore.ErrPassword) {
		return key, fmt.Errorf("%s: wrong password: nothing was changed; try again", path)
	}
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// readKeystore reads a keystore's bytes and refuses the files of a signer volume.
func readKeystore(cmd *cobra.Command, path string) ([]byte, error) {
	raw, err := readFile(cmd, path, keystore.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("read keystore: %w", err)
	}
	if strings.HasPrefix(string(raw), "bedrock-key-") {
		return nil, fmt.Errorf("%s was born on a signer volume: it is never exported or copied; a validator that moves gets a new key, which the chain names (docs/keys.md)", path)
	}
	return raw, nil
}
