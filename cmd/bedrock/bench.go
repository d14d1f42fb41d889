package main

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/load"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
)

// benchOptions are the flags of `bedrock bench`.
type benchOptions struct {
	endpoints []string
	genesis   string
	accounts  string
	out, plot string
	load      load.Config
}

func newBenchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench --endpoints URL,… [--rate R] [--duration T] [--senders N]",
		Short: "Load running nodes from outside and measure finality",
		Long: `Sends signed transfers and records to running nodes at a fixed rate and measures,
for each transaction, the time from when it was due to the notice of a verified
commit certificate at the node that it was sent to.

The offer does not wait for answers: a node that stalls is not sent less. Keys
are those of a network's accounts.json, which "bedrock init" and "bedrock devnet"
write; nobody else may use these accounts meanwhile.`,
		Example: `  bedrock bench --endpoints http://127.0.0.1:7601,http://127.0.0.2:7601 --genesis devnet/genesis.json
  bedrock bench --endpoints http://127.0.0.1:7601 --rate 1000 --duration 1m --senders 200 --out r.json --plot r.svg`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd, o) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.endpoints, "endpoints", nil, "RPC addresses of nodes, separated by commas; senders are spread over them")
	f.Float64Var(&o.load.Rate, "rate", 500, "transactions a second, over all endpoints")
	f.DurationVar(&o.load.Duration, "duration", 30*time.Second, "how long to send")
	f.IntVar(&o.load.Senders, "senders", 100, "how many accounts send, at most those of --accounts")
	f.StringVar(&o.accounts, "accounts", "", "file of funded accounts (default: "+home.AccountsName+" beside the genesis document)")
	f.StringVar(&o.genesis, "genesis", "", "genesis document that certificates are verified against (default: $"+genesisEnv+", else the node's own, with a warning)")
	f.Float64Var(&o.load.RecordShare, "records", 0.1, "share of records, 0 to 1; the rest are transfers")
	f.Uint64Var(&o.load.GasPrice, "gas-price", 1, "what is paid for a unit of gas")
	f.Uint64Var(&o.load.Seed, "seed", 0, "decides what is sent to whom")
	f.DurationVar(&o.load.Drain, "drain", 10*time.Second, "how long the last ones may take to become final")
	f.StringVar(&o.out, "out", "", "write the report to this file, as JSON")
	f.StringVar(&o.plot, "plot", "", "write a plot of throughput and finality over time to this file, as SVG")
	addOutputFlag(cmd)
	must(cmd.MarkFlagRequired("endpoints"))
	return cmd
}

func runBench(cmd *cobra.Command, o benchOptions) error {
	c := o.load
	c.Endpoints = o.endpoints
	if c.Duration <= 0 {
		return fmt.Errorf("--duration %s: say how long to send, such as 30s", c.Duration)
	}
	g, err := benchGenesis(cmd, &o)
	if err != nil {
		return err
	}
	c.Trust = client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}
	if c.Keys, err = benchKeys(&o); err != nil {
		return err
	}
	c.Senders = min(c.Senders, len(c.Keys))
	c.Progress = func(p load.Progress) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%4.0f s  height %-7d  %7.0f tx/s  final after p50 %4d ms, p99 %4d ms  %s\n",
			p.Elapsed.Seconds(), p.Height, p.TPS, p.P50.Milliseconds(), p.P99.Milliseconds(), p.Text)
	}
	before := ownCPU()
	result, err := load.Run(cmd.Context(), c)
	if err != nil {
		return err
	}
	cpu := ownCPU() - before
	if err := writeBench(&o, &result.Report); err != nil {
		return err
	}
	if err := show(cmd, &result.Report, func(w io.Writer) { benchTable(w, result, cpu) }); err != nil {
		return err
	}
	if result.Disagreement != "" {
		return errors.New(result.Disagreement)
	}
	return nil
}

// benchGenesis is the genesis that is trusted: the one named, or that of the first
// node that answers.
func benchGenesis(cmd *cobra.Command, o *benchOptions) (*genesis.Genesis, error) {
	var failed error
	for _, e := range o.endpoints {
		f := nodeFlags{node: e, genesis: o.genesis}
		g, err := f.document(cmd)
		if err == nil || o.genesis != "" {
			return g, err
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// benchKeys are all keys of the accounts' file: those that do not send receive.
func benchKeys(o *benchOptions) ([]ed25519.PrivateKey, error) {
	path := o.accounts
	if path == "" {
		beside := o.genesis
		if beside == "" {
			beside = os.Getenv(genesisEnv)
		}
		if beside == "" {
			return nil, errors.New("whose accounts send? name a network's " + home.AccountsName + " with --accounts, or its genesis document, which it lies beside, with --genesis")
		}
		path = filepath.Join(filepath.Dir(beside), home.AccountsName)
	}
	accounts, err := home.LoadAccounts(path)
	if err != nil {
		return nil, err
	}
	keys := make([]ed25519.PrivateKey, min(accounts.Count, load.MaxAccounts))
	for i := range keys {
		if keys[i], err = accounts.Key(i); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func writeBench(o *benchOptions, r *load.Report) error {
	if o.out != "" {
		b, err := r.JSON()
		if err == nil {
			err = os.WriteFile(o.out, b, 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if o.plot == "" {
		return nil
	}
	f, err := os.Create(o.plot)
	if err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	if err := errors.Join(r.WriteSVG(f), f.Close()); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

func benchTable(out io.Writer, result *load.Result, cpu time.Duration) {
	r := &result.Report
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	row("offered", "%d transactions, %g a second for %g s", r.OfferedTx, r.OfferedTPS, r.OfferSeconds)
	row("committed", "%d (%.2f %%), %.1f a second", r.CommittedTx, 100*float64(r.CommittedTx)/float64(max(1, r.OfferedTx)), r.GoodputTPS)
	row("finality", "p50 %.1f  p90 %.1f  p99 %.1f  max %.1f ms", r.FinalityMs.P50, r.FinalityMs.P90, r.FinalityMs.P99, r.FinalityMs.Max)
	row("blocks", "%d, every %.0f ms (p50), %.0f ms (p99); %d timeouts, %d empty views", r.Heights, r.BlockIntervalMs.P50, r.BlockIntervalMs.P99, r.Timeouts, r.EmptyViews)
	row("not committed", "%d refused%s, %d failed, %d lost, %d unsent", r.Refused(), reasons(r.RefusedTx), r.FailedTx, r.LostTx, r.UnsentTx)
	row("sent again", "%d%s; %d moves to another endpoint", total(r.Retries), reasons(r.Retries), r.EndpointMoves)
	var dropped, faults uint64
	for _, n := range r.Nodes {
		dropped, faults = dropped+n.DroppedMessages, faults+n.HostFaults
	}
	row("nodes", "%d messages dropped, %d host faults", dropped, faults)
	row("outcomes", "%s", agreement(result))
	row("this client", "%.2f s of CPU, %.1f ms for 1,000 transactions", cpu.Seconds(), cpu.Seconds()*1e6/float64(max(1, r.OfferedTx)))
	if result.Text != "" {
		row("last error", "%s", result.Text)
	}
}

func total(by map[string]uint64) (n uint64) {
	for _, c := range by {
		n += c
	}
	return n
}

// reasons lists counts by reason, the most frequent first.
func reasons(by map[string]uint64) string {
	if len(by) == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(by[b], by[a]), strings.Compare(a, b))
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %d", n, by[n])
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func agreement(result *load.Result) string {
	if result.Disagreement != "" {
		return result.Disagreement
	}
	return "all nodes agree at every height that all have"
}

// ownCPU is what this process has taken so far, user and system.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
