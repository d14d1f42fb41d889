package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// cliDocument is docs/cli.md: every command with its flags and examples.
func cliDocument(root *cobra.Command) []byte {
	var b bytes.Buffer
	b.WriteString("# Command line\n\n" +
		"`bedrock` is the node and all its tools. Exit code 0 means success and nothing else; an error says what to do. `--output json` prints for programs. " +
		"`bedrock COMMAND --help` shows the same as this page, which is written from the commands themselves (`go test ./cmd/bedrock -run TestCLIDocument -update`).\n\n" +
		"| variable | stands for |\n| --- | --- |\n" +
		"| `" + nodeEnv + "` | `--node` |\n| `" + genesisEnv + "` | `--genesis` of commands that ask a node |\n| `" + passwordEnv + "` | a keystore's password |\n" +
		"| other `BEDROCK_…` | keys of a node's configuration ([configuration.md](configuration.md)) |\n")
	writeCommands(&b, root)
	return b.Bytes()
}

func writeCommands(b *bytes.Buffer, cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.HasSubCommands() {
			fmt.Fprintf(b, "\n## `%s`\n\n%s.\n", c.CommandPath(), c.Short)
			if c.Long != "" {
				fmt.Fprintf(b, "\n%s\n", c.Long)
			}
			writeCommands(b, c)
			continue
		}
		level := "##"
		if c.Parent() != c.Root() {
			level = "###"
		}
		fmt.Fprintf(b, "\n%s `%s`\n\n%s.\n", level, strings.TrimSuffix(c.UseLine(), " [flags]"), c.Short)
		if c.Long != "" {
			fmt.Fprintf(b, "\n%s\n", c.Long)
		}
		if c.Example != "" {
			fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
		}
		writeFlags(b, c)
	}
}

func writeFlags(b *bytes.Buffer, c *cobra.Command) {
	rows := ""
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		preset := ""
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" {
			preset = "`" + f.DefValue + "`"
		}
		rows += fmt.Sprintf("| `--%s` | %s | %s |\n", f.Name, strings.ReplaceAll(f.Usage, "|", "\\|"), preset)
	})
	if rows != "" {
		b.WriteString("\n| flag | meaning | default |\n| --- | --- | --- |\n" + rows)
	}
}
