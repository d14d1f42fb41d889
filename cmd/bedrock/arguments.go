package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sayValue tells what a flag wants that was given something else, in the place of how a
// parser of numbers says it.
func sayValue(_ *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	flag := invalid.GetFlag()
	want := ""
	switch kind := flag.Value.Type(); {
	case strings.HasPrefix(kind, "uint"):
		want = "a whole number from 0 on"
	case strings.HasPrefix(kind, "int"):
		want = "a whole number"
	case strings.HasPrefix(kind, "float"):
		want = "a number"
	case kind == "duration":
		want = "a time with its unit, as 30s, 5m or 1h"
	case kind == "bool":
		want = "true or false"
	default:
		return err
	}
	return fmt.Errorf("--%s %s: want %s (%s)", flag.Name, invalid.GetValue(), want, flag.Usage)
}

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
