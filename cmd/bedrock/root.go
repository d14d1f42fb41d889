package main

import "github.com/spf13/cobra"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "bedrock",
		Short:         "A Byzantine fault tolerant chain with a deterministic core",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(sayValue)
	root.AddCommand(
		newStartCommand(), newDevnetCommand(), newBenchCommand(), newReplayCommand(), newSimCommand(),
		newInitCommand(), newIdentityCommand(), newGenesisCommand(), newConfigCommand(), newKeysCommand(),
		newTxCommand(), newQueryCommand(), newVerifyCommand(), newExecutorCommand(), newInspectCommand(), newVersionCommand(),
	)
	sayUsage(root)
	return root
}
