package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Names in a network's folder and in a home.
const (
	GenesisName  = "genesis.json"
	AccountsName = "accounts.json"
	ModuleName   = "executor.wasm"
	dataName     = "data"
	signerName   = "signer"
)

// Bounds of a network made here.
const (
	MaxValidators = 128
	MaxAccounts   = 100_000
)

// Default ports.
const (
	P2PPort   = 7600
	RPCPort   = 7601
	AdminPort = 7602
	OpsPort   = 7603
)

// Options say what network is made. Zero stands for the default in brackets.
type Options struct {
	Dir        string
	ChainID    string
	Validators int      // [4]
	Scheme     string   // [ed25519]
	Hosts      []string // one a validator; [127.0.0.1, 127.0.0.2, …]
	WideArea   bool     // timing for validators far from each other
	Time       time.Time
	// ExecutorHash is the module's; Module its bytes where it is not the built-in
	// one.
	ExecutorHash types.Hash
	Module       []byte
	Engine       uint32 // [1]
	MaxBytes     uint64 // [2 MiB]
	MaxGas       uint64 // [1,000,000,000]
	// Accounts is how many accounts are funded, with Balance each.
	Accounts int
	Balance  uint64 // [1,000,000,000,000]
	// AppState replaces the ledger state that is made of Accounts.
	AppState json.RawMessage
}

// Network is what was made.
type Network struct {
	Dir      string          `json:"dir"`
	ChainID  string          `json:"chain_id"`
	Hash     types.Hash      `json:"genesis_hash"`
	Executor types.Hash      `json:"executor_hash"`
	Nodes    []Node          `json:"nodes"`
	Accounts []AccountRecord `json:"accounts"` // the first few
}

// Node is one home.
type Node struct {
	Home     string        `json:"home"`
	Host     string        `json:"host"`
	Identity signer.Record `json:"identity"`
}

func (o Options) withDefaults() (Options, error) {
	if o.Validators == 0 {
		o.Validators = 4
	}
	if o.Scheme == "" {
		o.Scheme = "ed25519"
	}
	if o.Engine == 0 {
		o.Engine = 1
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 2 << 20
	}
	if o.MaxGas == 0 {
		o.MaxGas = 1_000_000_000
	}
	if o.Balance == 0 {
		o.Balance = 1_000_000_000_000
	}
	if o.Validators < 1 || o.Validators > MaxValidators {
		return o, fmt.Errorf("%d validators: use 1 to %d", o.Validators, MaxValidators)
	}
	if o.Accounts < 0 || o.Accounts > MaxAccounts {
		return o, fmt.Errorf("%d accounts: use 0 to %d", o.Accounts, MaxAccounts)
	}
	if len(o.Hosts) == 0 {
		for i := range o.Validators {
			o.Hosts = append(o.Hosts, "127.0.0."+strconv.Itoa(i+1))
		}
	}
	if len(o.Hosts) != o.Validators {
		return o, fmt.Errorf("%d hosts for %d validators: name one for each", len(o.Hosts), o.Validators)
	}
	seen := map[string]bool{}
	for _, h := range o.Hosts {
		if h == "" || len(h) > 255 || seen[h] {
			return o, fmt.Errorf("host %q: each validator needs one of its own", h)
		}
		seen[h] = true
	}
	return o, genesis.CheckChainID(o.ChainID)
}

// Make makes a network.
func Make(options Options) (*Network, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := o.checkEmpty(); err != nil {
		return nil, err
	}
	scheme, err := types.SchemeByName(o.Scheme)
	if err != nil {
		return nil, err
	}
	n := &Network{Dir: o.Dir, ChainID: o.ChainID, Executor: o.ExecutorHash}
	for i := range o.Validators {
		home := o.home(i)
		if err := os.MkdirAll(filepath.Join(home, dataName), 0o700); err != nil {
			return nil, fmt.Errorf("make home: %w", err)
		}
		record, err := signer.Init(filepath.Join(home, signerName), signer.InitOptions{
			Scheme: scheme.ID(), AllowUnsafeFileSystem: o.oneMachine(),
		})
		if err != nil {
			return nil, fmt.Errorf("make identity of node %d: %w", i, err)
		}
		n.Nodes = append(n.Nodes, Node{Home: home, Host: o.Hosts[i], Identity: record})
	}
	accounts, err := makeAccounts(o, n.Nodes)
	if err != nil {
		return nil, err
	}
	if accounts != nil {
		n.Accounts = accounts.Accounts
	}
	g, err := o.document(n.Nodes, accounts)
	if err != nil {
		return nil, err
	}
	n.Hash = g.Hash()
	return n, o.write(n, g, accounts)
}

func moniker(i int) string { return "node" + strconv.Itoa(i) }

func (o *Options) home(i int) string { return filepath.Join(o.Dir, "node"+strconv.Itoa(i)) }

// oneMachine: a network on loopback alone is for trying things out, and may lie
// on any file system. // rule: exclusive-volume
func (o *Options) oneMachine() bool {
	for _, h := range o.Hosts {
		if !isLoopback(h) {
			return false
		}
	}
	return true
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (o *Options) checkEmpty() error {
	if _, err := os.Stat(filepath.Join(o.Dir, GenesisName)); err == nil {
		return fmt.Errorf("%s holds a network already: name another folder with --dir", o.Dir)
	}
	for i := range o.Validators {
		used, err := holdsFiles(o.home(i))
		if err != nil {
			return fmt.Errorf("look into %s: %w", o.Dir, err)
		}
		if used {
			return fmt.Errorf("%s holds homes and no %s: an init that broke off; remove the folder, or name another with --dir", o.Dir, GenesisName)
		}
	}
	return nil
}

// holdsFiles reports whether there is a file in dir or below; folders alone are
// where volumes are mounted.
func holdsFiles(dir string) (bool, error) {
	found := errors.New("a file")
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return found
	})
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == found {
		return true, nil
	}
	return false, err
}

// document makes the genesis of the records.
func (o *Options) document(nodes []Node, accounts *Accounts) (*genesis.Genesis, error) {
	c := genesis.Ceremony{
		ChainID: o.ChainID, Scheme: o.Scheme, TimeMs: uint64(o.Time.UnixMilli()), ExecutorHash: o.ExecutorHash, Engine: o.Engine,
		MaxBytes: o.MaxBytes, MaxGas: o.MaxGas, WideArea: o.WideArea, AppState: o.AppState,
	}
	for i := range nodes {
		c.Participants = append(c.Participants, genesis.Participant{Record: nodes[i].Identity})
	}
	if c.AppState == nil {
		state, err := appState(nodes, accounts, o.Balance)
		if err != nil {
			return nil, err
		}
		c.AppState = state
	}
	return c.Make()
}

// Document makes a genesis of the public records of validators that live
// elsewhere: a pure function of options and records, so that everybody can make it
// and compare. Options' Dir, Validators, Hosts, Module and Accounts play no part.
func Document(o Options, records []signer.Record) (*genesis.Genesis, error) {
	o.Validators, o.Hosts, o.Accounts = len(records), nil, 0
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	nodes := make([]Node, len(records))
	for i := range records {
		nodes[i] = Node{Identity: records[i]}
	}
	return o.document(nodes, nil)
}

// write puts the files down, the genesis last.
func (o *Options) write(n *Network, g *genesis.Genesis, accounts *Accounts) error {
	for i := range n.Nodes {
		home := n.Nodes[i].Home
		c := o.config(n, i)
		if err := config.Write(filepath.Join(home, config.FileName), &c); err != nil {
			return err
		}
		if o.Module != nil {
			if err := os.WriteFile(filepath.Join(home, ModuleName), o.Module, 0o644); err != nil {
				return fmt.Errorf("write module: %w", err)
			}
		}
	}
	if accounts != nil {
		if err := accounts.write(filepath.Join(o.Dir, AccountsName)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(o.Dir, GenesisName), g.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write genesis: %w", err)
	}
	return nil
}

// config is that of node i: it names all others as peers.
func (o *Options) config(n *Network, i int) config.Config {
	c := config.Default()
	host, local := o.Hosts[i], isLoopback(o.Hosts[i])
	at := func(h string, port int) string { return net.JoinHostPort(h, strconv.Itoa(port)) }
	c.Moniker = moniker(i)
	c.Genesis.File = filepath.Join("..", GenesisName)
	c.Genesis.Hash = n.Hash.String()
	c.P2P.Announce = []string{at(host, P2PPort)}
	if local {
		c.P2P.Listen = []string{at(host, P2PPort)}
		c.RPC.Listen, c.Admin.Listen, c.Ops.Listen = at(host, RPCPort), at(host, AdminPort), at(host, OpsPort)
	}
	if o.oneMachine() {
		c.Dirs.FileSystems = "allow-unsafe"
	}
	if o.Module != nil {
		c.Executor.Module = ModuleName
	}
	for j := range n.Nodes {
		if j != i {
			c.P2P.Peers = append(c.P2P.Peers, n.Nodes[j].Identity.NetworkKey+"@"+at(o.Hosts[j], P2PPort))
		}
	}
	return c
}
