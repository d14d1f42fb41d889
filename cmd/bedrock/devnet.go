package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// devnetOptions are the flags of `bedrock devnet`.
type devnetOptions struct {
	validators int
	dir        string
	rate       float64
	senders    int
	duration   time.Duration
	report     string
	scheme     string
	executor   string
	appState   string
	accounts   int // below 0: what init makes by default
	firstHost  int
}

func newDevnetCommand() *cobra.Command {
	var o devnetOptions
	cmd := &cobra.Command{
		Use:   "devnet",
		Short: "Run a whole network on this machine",
		Long: `Runs validators on this machine, each a process of its own on 127.0.0.x with a
home as "bedrock init" makes it, until Ctrl-C or --duration. A folder that holds
a chain already is continued.

A node that dies is named and stays down; start it again from another terminal
with "bedrock start --home D/node2". All nodes end with this command.

With --load, signed transfers and records of many accounts are sent at that rate,
and --report writes what came of them as JSON.

With --executor the new chain runs that state machine. No accounts are funded then
and no transfers are sent, unless --accounts says that it is a ledger: send its
transactions with "bedrock tx send FILE --raw".`,
		Example: `  bedrock devnet
  bedrock devnet --load 500 --duration 30s --report r.json
  bedrock devnet --validators 7 --scheme bls12381 --dir /tmp/seven
  bedrock devnet --executor counter.wasm`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDevnet(cmd.Context(), cmd.OutOrStdout(), o) },
	}
	f := cmd.Flags()
	f.IntVar(&o.validators, "validators", 4, "how many validators a new chain has")
	f.StringVar(&o.dir, "dir", "devnet", "folder of the chain, made if it is not there")
	f.Float64Var(&o.rate, "load", 0, "transactions a second to send; 0: none")
	f.IntVar(&o.senders, "senders", 200, "accounts that send them")
	f.DurationVar(&o.duration, "duration", 0, "end after so long; 0: run until Ctrl-C")
	f.StringVar(&o.report, "report", "", "file for the report, JSON")
	f.StringVar(&o.scheme, "scheme", "ed25519", "signature scheme of a new chain: ed25519 or bls12381")
	f.StringVar(&o.executor, "executor", "", "executor module of a new chain, a WASM file (default: the built-in one)")
	f.StringVar(&o.appState, "app-state", "", "state that a new chain begins with, a JSON file (default: funded accounts, or {} with --executor)")
	f.IntVar(&o.accounts, "accounts", -1, "how many accounts of a new chain are funded; -1: 1000, or none with --executor")
	f.IntVar(&o.firstHost, "first-host", 1, "x of the first validator's address 127.0.0.x")
	return cmd
}

// session is one run of the command.
type session struct {
	o     devnetOptions
	net   *devnet.Network
	trust client.Trust
	keys  *home.Accounts

	mu  sync.Mutex
	out io.Writer
}

func (s *session) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format+"\n", args...)
}

func runDevnet(ctx context.Context, out io.Writer, o devnetOptions) (err error) {
	begin := time.Now()
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration+startLimit)
		defer cancel()
	}
	s := &session{o: o, out: out}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer func() {
		s.say("stopping %d nodes", len(s.net.Nodes))
		err = errors.Join(err, s.net.Stop())
	}()
	if err := s.net.StartAll(); err != nil {
		return err
	}
	if err := s.waitReady(ctx); err != nil {
		return ended(ctx, err)
	}
	first := s.firstTransfer
	if s.keys == nil {
		first = s.firstBlock
	}
	if err := first(ctx, begin); err != nil {
		return ended(ctx, err)
	}
	s.introduce()
	if o.rate > 0 || o.report != "" {
		return s.runLoad(ctx) // ends by its own duration, and then drains
	}
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	s.watch(ctx)
	return nil
}

// startLimit bounds how long the nodes may take to come up.
const startLimit = 3 * time.Minute

// ended turns the end that a person asked for into no error.
func ended(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}

// prepare makes or finds the chain.
func (s *session) prepare(ctx context.Context) error {
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	var init []string
	if s.o.appState != "" {
		init = append(init, "--app-state", s.o.appState)
	}
	if s.o.accounts >= 0 {
		init = append(init, "--accounts", strconv.Itoa(s.o.accounts))
	}
	s.net, err = devnet.Prepare(ctx, devnet.Options{Binary: binary, Dir: s.o.dir, ChainID: "devnet", Validators: s.o.validators,
		Scheme: s.o.scheme, Module: s.o.executor, InitArgs: init, FirstHost: s.o.firstHost, OnDeath: s.died})
	if err != nil {
		return fmt.Errorf("devnet: %w", err)
	}
	g, err := genesis.Load(s.net.Genesis())
	if err != nil {
		return err
	}
	s.trust = client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}
	what := "made"
	if s.net.Continued {
		what = "continuing"
	}
	s.say("%s the chain %q of %d validators (%s) in %s", what, g.ChainID, len(s.net.Nodes), g.Scheme, s.o.dir)
	s.keys, err = home.LoadAccounts(filepath.Join(s.o.dir, home.AccountsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no funded accounts: another state machine, or a state of its own
	}
	return err
}

// died names a node that ended by itself.
func (s *session) died(p *devnet.Process, err error) {
	why := "it ended"
	if err != nil {
		why = err.Error()
	}
	s.say("\n%s died (%s) and stays down; its last words:\n%s\nstart it again with: bedrock start --home %s\n", p.Name, why, p.LastLines(5), p.Home)
}

// waitReady waits until every node that lives answers and signs.
func (s *session) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for i, p := range s.net.Nodes {
		rpc, err := client.Connect(s.net.RPC(i), nil)
		if err != nil {
			return err
		}
		last := "it does not answer yet"
		for {
			res, err := rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
			if err == nil && (res.Msg.Signing || res.Msg.ValidatorIndex < 0) && !res.Msg.Syncing {
				s.say("%s is up at %s, height %d", p.Name, s.net.RPC(i), res.Msg.FinalHeight)
				break
			}
			if err == nil {
				last = res.Msg.NotSigningReason
			}
			select {
			case <-p.Done():
				return fmt.Errorf("%s ended at its start:\n%s", p.Name, p.LastLines(5))
			case <-ctx.Done():
				return fmt.Errorf("%s did not come up within %s: %s\n%s", p.Name, startLimit, last, p.LastLines(5))
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// firstTransfer sends one signed transfer and waits until it is final.
func (s *session) firstTransfer(ctx context.Context, begin time.Time) error {
	if s.keys.Count < 2 {
		return s.firstBlock(ctx, begin)
	}
	c, err := client.New(s.net.RPC(0), client.Options{Trust: s.trust})
	if err != nil {
		return err
	}
	from, err := s.keys.Key(0)
	if err != nil {
		return err
	}
	to, err := s.keys.Key(1)
	if err != nil {
		return err
	}
	took, height, err := sendOne(ctx, c, s.trust.Genesis, from, ledger.Transfer{To: addressOf(to), Amount: ledger.AmountOf(1)})
	if err != nil {
		return fmt.Errorf("send a first transfer: %w", err)
	}
	s.say("a first signed transfer is final at height %d, %d ms after it was sent, %.1f s after the command", height, took.Milliseconds(), time.Since(begin).Seconds())
	return nil
}

// firstBlock waits until a block is final, where there is nobody to send a transfer.
func (s *session) firstBlock(ctx context.Context, begin time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	rpc, err := client.Connect(s.net.RPC(0), nil)
	if err != nil {
		return err
	}
	for {
		res, err := rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
		if err == nil && res.Msg.FinalHeight > 0 {
			s.say("height %d is final, %.1f s after the command", res.Msg.FinalHeight, time.Since(begin).Seconds())
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no block became final within %s: see %s", startLimit, filepath.Join(s.o.dir, "node0", "node.log"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// introduce tells what a newcomer may want to know.
func (s *session) introduce() {
	if s.keys == nil {
		s.say("\nno accounts are funded and no transfers are sent; send the state machine's own transactions with: bedrock tx send FILE --raw --node %s", s.net.RPC(0))
	} else {
		s.say("\nfunded accounts (secrets in %s, coins without value):", filepath.Join(s.o.dir, home.AccountsName))
		for i := range min(3, s.keys.Count) {
			key, err := s.keys.Key(i)
			if err != nil {
				return
			}
			s.say("  %s", addressOf(key))
		}
	}
	s.say("RPC of node0:  %s", s.net.RPC(0))
	s.say("metrics:       %s/metrics", s.net.Ops(0))
	s.say("explorer:      %s/", s.net.RPC(0))
	s.say("logs:          %s", filepath.Join(s.o.dir, "node*", "node.log"))
	if s.o.duration == 0 {
		s.say("\nCtrl-C ends all of it; the same command goes on with this chain\n")
	}
}

// watch prints a line now and then while nothing else happens.
func (s *session) watch(ctx context.Context) {
	ticker := time.NewTicker(10 * time.Second)
	defer ticker.Stop()
	var last uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for i := range s.net.Nodes {
			rpc, err := client.Connect(s.net.RPC(i), nil)
			if err != nil {
				continue
			}
			res, err := rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
			if err != nil {
				continue
			}
			if res.Msg.FinalHeight != last {
				last = res.Msg.FinalHeight
				s.say("height %d, epoch %d, %d peers, %d transactions waiting", last, res.Msg.Epoch, res.Msg.Peers, res.Msg.PoolTransactions)
			}
			break
		}
	}
}

// sendOne signs one operation of an account, sends it and waits until it is final.
func sendOne(ctx context.Context, c *client.Client, genesis [32]byte, key ed25519.PrivateKey, op ledger.Operation) (took time.Duration, height uint64, err error) {
	address := addressOf(key)
	// Without a proof: before the first certificate there is none, and a wrong
	// nonce could only make the transaction be refused.
	res, err := c.RPC().Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: "account/" + address.String()}))
	if err != nil {
		return 0, 0, err
	}
	account := ledger.Account{}
	if !res.Msg.Absent {
		if account, err = ledger.DecodeAccount(res.Msg.Value); err != nil {
			return 0, 0, err
		}
	}
	tx, err := ledger.Sign(key, ledger.Body{Genesis: genesis, Nonce: account.Nonce, GasLimit: 200_000, GasPrice: 1, Operation: op})
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	final, err := c.SubmitFinal(ctx, tx, time.Minute)
	if err != nil {
		return 0, 0, err
	}
	return time.Since(begin), final.Height, nil
}

func addressOf(key ed25519.PrivateKey) ledger.Address {
	return ledger.AddressOf(key.Public().(ed25519.PublicKey))
}
