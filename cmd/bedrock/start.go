package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
)

func newStartCommand() *cobra.Command {
	var home string
	cmd := &cobra.Command{
		Use:   "start --home D",
		Short: "Run one node",
		Long: `Runs the node whose home is D until it is told to end (SIGINT, SIGTERM).

A home is made by "bedrock init". The node locks both of its volumes, follows the
chain, and signs once a quorum of the validators has confirmed that nobody holds
newer signatures of its key.`,
		Example: "  bedrock start --home devnet/node2",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, notes, err := config.Load(home, os.Environ())
			if err != nil {
				return err
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
	if err := cmd.MarkFlagRequired("home"); err != nil {
		panic(err) // the flag is defined one line above
	}
	return cmd
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
