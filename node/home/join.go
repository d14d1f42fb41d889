package home

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
)

// JoinOptions say what home of an existing chain is made.
type JoinOptions struct {
	Dir     string
	Genesis *genesis.Genesis
	Moniker string
	Role    string   // validator (now or later) or full
	Host    string   // address that others reach this node at
	Peers   []string // NETWORK_KEY@HOST:PORT, at least one
	Marks   []string // what the signer volume is mounted as; none: the machine's own
	Module  []byte   // of the executor, where it is not the built-in one
}

// Join makes the home of a newcomer to an existing chain. A signer volume that
// has an identity already is taken as it is; nothing is overwritten.
func Join(o JoinOptions) (Node, error) {
	c, err := o.config()
	if err != nil {
		return Node{}, err
	}
	path := filepath.Join(o.Dir, config.FileName)
	if _, err := os.Stat(path); err == nil {
		return Node{}, fmt.Errorf("%s exists: this is a home already; start it, or name another folder with --dir", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Node{}, fmt.Errorf("look into %s: %w", o.Dir, err)
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, dataName), 0o700); err != nil {
		return Node{}, fmt.Errorf("make home: %w", err)
	}
	record, err := o.identity()
	if err != nil {
		return Node{}, err
	}
	if err := writeOnce(filepath.Join(o.Dir, GenesisName), o.Genesis.Bytes()); err != nil {
		return Node{}, fmt.Errorf("write genesis: %w", err)
	}
	if o.Module != nil {
		if err := writeOnce(filepath.Join(o.Dir, ModuleName), o.Module); err != nil {
			return Node{}, fmt.Errorf("write module: %w", err)
		}
	}
	// The configuration comes last: its presence says that the home is whole.
	if err := config.Write(path, &c); err != nil {
		return Node{}, err
	}
	return Node{Home: o.Dir, Host: o.Host, Identity: record}, nil
}

// writeOnce writes a file, or finds the very same one.
func writeOnce(path string, data []byte) error {
	there, err := os.ReadFile(path)
	if err == nil && string(there) == string(data) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s exists and is another", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// identity makes the signer volume's identity, or reads the one that is there.
func (o *JoinOptions) identity() (signer.Record, error) {
	dir := filepath.Join(o.Dir, signerName)
	scheme, err := types.SchemeByName(o.Genesis.Scheme)
	if err != nil {
		return signer.Record{}, err
	}
	record, err := signer.ReadRecord(dir)
	if errors.Is(err, signer.ErrNoIdentity) {
		return signer.Init(dir, signer.InitOptions{Scheme: scheme.ID(), Marks: o.Marks, AllowUnsafeFileSystem: isLoopback(o.Host)})
	}
	if err == nil && record.Scheme != o.Genesis.Scheme {
		err = fmt.Errorf("the identity in %s has a consensus key of scheme %s, the chain's is %s: use an empty signer volume", dir, record.Scheme, o.Genesis.Scheme)
	}
	return record, err
}

func (o *JoinOptions) config() (config.Config, error) {
	c := config.Default()
	if o.Role != "validator" && o.Role != "full" {
		return c, fmt.Errorf("role %q: use validator (of one that will join, too) or full", o.Role)
	}
	if len(o.Peers) == 0 {
		return c, errors.New("a newcomer needs nodes to dial: name some of the chain's as NETWORK_KEY@HOST:7600 (`bedrock query validators` has the keys)")
	}
	c.Moniker, c.Role, c.P2P.Peers = o.Moniker, o.Role, o.Peers
	c.Genesis.Hash = o.Genesis.Hash().String()
	c.Signer.Marks = o.Marks
	if o.Host != "" {
		at := func(port int) string { return net.JoinHostPort(o.Host, strconv.Itoa(port)) }
		c.P2P.Announce = []string{at(P2PPort)}
		if isLoopback(o.Host) {
			c.P2P.Listen = []string{at(P2PPort)}
			c.RPC.Listen, c.Admin.Listen, c.Ops.Listen = at(RPCPort), at(AdminPort), at(OpsPort)
			c.Dirs.FileSystems = "allow-unsafe"
		}
	}
	if o.Module != nil {
		c.Executor.Module = ModuleName
	}
	if _, err := config.Parse(config.Encode(&c)); err != nil {
		return c, fmt.Errorf("configuration of the new home: %w", err)
	}
	return c, nil
}
