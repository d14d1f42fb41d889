package devnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// MaxValidators is how many addresses 127.0.0.x a network may take.
const MaxValidators = 32

// blockBytes is the payload of a full block: about 2,300 transfers.
const blockBytes = 512 << 10

// graceTime is how long a node may take to end by itself before it is killed.
const graceTime = 10 * time.Second

// Options say what network to run.
type Options struct {
	// Binary is the bedrock program: os.Executable for the command itself.
	Binary string
	// Dir holds genesis.json and node0, node1, …; it is made if it is not there.
	Dir        string
	ChainID    string // of a new chain
	Validators int    // of a new chain: 1 to MaxValidators
	Scheme     string // of a new chain: ed25519 or bls12381; empty: ed25519
	Module     string // of a new chain: a module's file; empty: the canonical one
	// FirstHost is x of node0's address 127.0.0.x; each further node takes the next.
	FirstHost int
	// Hosts, if set, are the addresses in place of those, one for each node: of nodes
	// that Binary starts elsewhere, such as in network namespaces.
	Hosts []string
	// InitArgs are further arguments of `bedrock init`.
	InitArgs []string
	// Env is added to each node's environment (NAME=value).
	Env []string
	// OnDeath is told of a node that ended without being asked to.
	OnDeath func(*Process, error)
}

// Network is the processes of one chain on this machine.
type Network struct {
	opt   Options
	Nodes []*Process
	// Continued says that Dir held a chain already.
	Continued bool
}

// Prepare makes the homes, or finds those of the chain that Dir holds.
func Prepare(ctx context.Context, opt Options) (*Network, error) {
	if opt.FirstHost == 0 {
		opt.FirstHost = 1
	}
	n := &Network{opt: opt}
	_, err := os.Stat(filepath.Join(opt.Dir, "genesis.json"))
	switch {
	case err == nil:
		n.Continued = true
	case errors.Is(err, fs.ErrNotExist):
		if err := n.init(ctx); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("look into %s: %w", opt.Dir, err)
	}
	return n, n.Find()
}

func (n *Network) init(ctx context.Context) error {
	o := &n.opt
	if o.Validators < 1 || o.Validators > MaxValidators {
		return fmt.Errorf("%d validators: a network on one machine has 1 to %d", o.Validators, MaxValidators)
	}
	if len(o.Hosts) > 0 && len(o.Hosts) < o.Validators {
		return fmt.Errorf("%d addresses for %d validators: name one for each", len(o.Hosts), o.Validators)
	}
	hosts := make([]string, o.Validators)
	for i := range hosts {
		hosts[i] = n.Host(i)
	}
	args := []string{"init", "--chain-id", o.ChainID, "--validators", strconv.Itoa(o.Validators), "--dir", o.Dir, "--hosts", strings.Join(hosts, ",")}
	if o.Scheme != "" {
		args = append(args, "--scheme", o.Scheme)
	}
	if o.Module != "" {
		args = append(args, "--executor", o.Module)
	}
	// All validators share this machine's cores: a full block must fit a view's timer
	// many times over.
	args = append(args, "--max-block-bytes", strconv.Itoa(blockBytes))
	cmd := exec.CommandContext(ctx, o.Binary, append(args, o.InitArgs...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the homes in %s: %w\n%s", o.Dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Find takes up the homes node0, node1, … without a gap, also those that were
// made since.
func (n *Network) Find() error {
	for i := len(n.Nodes); ; i++ {
		name := "node" + strconv.Itoa(i)
		home := filepath.Join(n.opt.Dir, name)
		if _, err := os.Stat(filepath.Join(home, "config.yaml")); err != nil {
			if i == 0 {
				return fmt.Errorf("%s holds a genesis.json but no home node0: give an empty folder, or the one of a devnet", n.opt.Dir)
			}
			return nil
		}
		n.Nodes = append(n.Nodes, &Process{Name: name, Home: home})
	}
}

// Host is a node's address.
func (n *Network) Host(i int) string {
	if i < len(n.opt.Hosts) {
		return n.opt.Hosts[i]
	}
	return fmt.Sprintf("127.0.0.%d", n.opt.FirstHost+i)
}

// RPC is the base URL of a node's public interface.
func (n *Network) RPC(i int) string { return "http://" + n.Host(i) + ":7601" }

// Ops is the base URL of a node's probes and metrics.
func (n *Network) Ops(i int) string { return "http://" + n.Host(i) + ":7603" }

// Genesis is the path of the chain's genesis file.
func (n *Network) Genesis() string { return filepath.Join(n.opt.Dir, "genesis.json") }

// Start starts one node.
func (n *Network) Start(i int) error {
	p := n.Nodes[i]
	return p.start(cmp.Or(p.Binary, n.opt.Binary), slices.Concat(n.opt.Env, p.Env), n.opt.OnDeath)
}

// StartAll starts every node that does not run.
func (n *Network) StartAll() error {
	for i := range n.Nodes {
		if n.Nodes[i].Running() {
			continue
		}
		if err := n.Start(i); err != nil {
			return err
		}
	}
	return nil
}

// Kill ends nodes at once, as a power cut would, all at the same instant.
func (n *Network) Kill(nodes ...int) error {
	var g errgroup.Group
	for _, i := range nodes {
		g.Go(func() error { return n.Nodes[i].End(syscall.SIGKILL) })
	}
	return g.Wait()
}

// Stop asks all nodes to end, and kills those that do not.
func (n *Network) Stop() error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, p := range n.Nodes {
		wg.Go(func() {
			late := time.AfterFunc(graceTime, func() { _ = p.End(syscall.SIGKILL) })
			defer late.Stop()
			if err := p.End(syscall.SIGTERM); err != nil {
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return failed
}

// LastLines are the last lines of a node's log, for telling why it died.
func (p *Process) LastLines(n int) string {
	b, err := os.ReadFile(filepath.Join(p.Home, "node.log"))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
