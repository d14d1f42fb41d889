package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/signer"
)

func newStartCommand() *cobra.Command {
	var home, hash string
	var marks, madeFor []string
	cmd := &cobra.Command{
		Use:   "start --home D",
		Short: "Run one node",
		Long: `Runs the node whose home is D until it is told to end (SIGINT, SIGTERM).

A home is made by "bedrock init". The node locks both of its volumes, follows the
chain, and signs once a quorum of the validators has confirmed that nobody holds
newer signatures of its key.

--genesis-hash and --mark say from outside which chain this is and as what the
signer volume is mounted; a configuration that says otherwise is refused.

--made-for WRITTEN=FOUND refuses to start where the two differ. Marks are of no
worth in a workload that was copied with them: whoever writes them down writes
down for which place too, and has the machine fill in the place it runs in.`,
		Example: `  bedrock start --home devnet/node2
  bedrock start --home node2 --genesis-hash 5e1f… --mark $PVC_UID --mark $CLUSTER_UID`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := inPlace(madeFor); err != nil {
				return fmt.Errorf("start %s: %w", home, err)
			}
			cfg, notes, err := config.Load(home, os.Environ())
			if err != nil {
				return err
			}
			if err := pin(&cfg, hash, marks); err != nil {
				return fmt.Errorf("start %s: %w", home, err)
			}
			level := new(slog.LevelVar)
			log, err := newLogger(cmd.ErrOrStderr(), cfg.Log, level)
			if err != nil {
				return err
			}
			for _, note := range notes {
				log.Info("configuration", "note", note)
			}
			n, err := node.New(cmd.Context(), node.Options{Home: home, Config: &cfg, Log: log, Level: level, Version: version})
			if err != nil {
				return fmt.Errorf("start %s: %w", home, err)
			}
			defer func() {
				if closed := n.Close(); err == nil {
					err = closed
				}
			}()
			return n.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&home, "home", "", "the node's home, as `bedrock init` makes it")
	cmd.Flags().StringVar(&hash, "genesis-hash", "", "SHA-256 of the genesis document; any other content is refused")
	cmd.Flags().StringArrayVar(&marks, "mark", nil, "what the signer volume is mounted as; once for each")
	cmd.Flags().StringArrayVar(&madeFor, "made-for", nil, "WRITTEN=FOUND: where these arguments were written for, and where they are used; refused where they differ")
	if err := cmd.MarkFlagRequired("home"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// inPlace refuses arguments that were copied with the workload they belong to: the
// marks among them are of the volume that it was copied from. // rule: volume-foreign
func inPlace(madeFor []string) error {
	for _, pair := range madeFor {
		written, found, ok := strings.Cut(pair, "=")
		if !ok || written == "" {
			return fmt.Errorf("--made-for %q: want WRITTEN=FOUND", pair)
		}
		if written != found {
			return fmt.Errorf("this workload was made for %q and runs in %q: it was copied or restored, and the marks of its signer volume with it; delete it (the StatefulSet), and let the operator make its own", written, found)
		}
	}
	return nil
}

// pin puts what the arguments say into the configuration. Where both say something
// it must be the same: one of them is of another node or chain.
func pin(cfg *config.Config, hash string, marks []string) error {
	if hash != "" {
		id, err := ledger.ParseID(hash)
		if err != nil {
			return fmt.Errorf("--genesis-hash: %w", err)
		}
		hash = id.String()
		if cfg.Genesis.Hash != "" && cfg.Genesis.Hash != hash {
			return fmt.Errorf("--genesis-hash is %s and genesis.hash %s: the configuration is of another chain", hash, cfg.Genesis.Hash)
		}
		cfg.Genesis.Hash = hash
	}
	if len(marks) == 0 {
		return nil
	}
	if err := signer.CheckMarks(marks); err != nil {
		return fmt.Errorf("--mark: %w", err)
	}
	if len(cfg.Signer.Marks) > 0 && !slices.Equal(cfg.Signer.Marks, marks) {
		return fmt.Errorf("--mark says %q and signer.marks %q: say it in one place", marks, cfg.Signer.Marks)
	}
	cfg.Signer.Marks = marks
	return nil
}

// newLogger makes the node's own log.
func newLogger(w io.Writer, c config.Log, level *slog.LevelVar) (*slog.Logger, error) {
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	opt := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt)), nil
	}
	return slog.New(slog.NewTextHandler(w, opt)), nil
}
