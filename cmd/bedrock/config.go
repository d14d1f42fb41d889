package main

import (
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/config"
)

func newConfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print a configuration with all settings, their meaning and defaults",
		Example: "  bedrock config > /var/lib/bedrock/config.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			preset := config.Default()
			_, err := cmd.OutOrStdout().Write(config.Encode(&preset))
			return err
		},
	}
}
