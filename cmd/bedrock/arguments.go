package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// sayUsage has every command below say what it takes, and show it, where its arguments
// are too few or too many.
func sayUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		sayUsage(sub)
	}
	takes := cmd.Args
	if takes == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if takes(cmd, args) == nil {
			return nil
		}
		example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
		return fmt.Errorf("%d arguments do not fit: %s takes them as\n  %s\nfor example\n  %s\n%q says more",
			len(args), cmd.CommandPath(), cmd.UseLine(), example, cmd.CommandPath()+" --help")
	}
}
