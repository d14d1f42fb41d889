package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

// Write makes a commented file of c. Settings at their default stand as comments.
func Write(path string, c *Config) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if _, err := f.Write(Encode(c)); err != nil {
		f.Close()
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// Encode is the commented file of c.
func Encode(c *Config) []byte {
	var b bytes.Buffer
	b.WriteString("# A Bedrock node. Lines that are commented out show the defaults.\n" +
		"# An environment variable overrides a key: p2p.listen is BEDROCK_P2P_LISTEN.\n" +
		"# Paths are relative to this folder.\n\n")
	preset := Default()
	section := ""
	for _, f := range fields() {
		indent, name := "", f.key
		if s, n, ok := strings.Cut(f.key, "."); ok {
			if s != section {
				section = s
				fmt.Fprintf(&b, "\n# %s\n%s:\n", sections[s], s)
			}
			indent, name = "  ", n
		}
		fmt.Fprintf(&b, "%s# %s\n", indent, f.doc)
		value := literal(f.get(c))
		if value == literal(f.get(&preset)) {
			fmt.Fprintf(&b, "%s# %s: %s\n", indent, name, value)
		} else {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, name, value)
		}
	}
	return b.Bytes()
}

// literal is a value on one line of YAML.
func literal(v any) string {
	node := yaml.Node{}
	if err := node.Encode(v); err != nil {
		panic(err) // strings, numbers, switches and lists of strings only
	}
	node.Style |= yaml.FlowStyle
	out, err := yaml.Marshal(&node)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
}

// Document is docs/configuration.md: the table of all settings.
func Document() []byte {
	var b bytes.Buffer
	b.WriteString("# Configuration\n\n" +
		"A node reads `config.yaml` in its home. Unknown keys are refused. `BEDROCK_` variables override keys. Relative paths are relative to the home. " +
		"Sizes are bytes or `512KiB`, `64MiB`, `1GiB`; durations `250ms`, `5s`, `10m`; lists in a variable are separated by commas.\n\n" +
		"This page is written from the program's own table (`go test ./node/config -run TestDocument -update`).\n")
	section := "-"
	for _, f := range fields() {
		s, _, ok := strings.Cut(f.key, ".")
		if !ok {
			s = ""
		}
		if s != section {
			section = s
			if s == "" {
				b.WriteString("\n## The node\n\n")
			} else {
				fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n", s, sections[s])
			}
			b.WriteString("| key | kind | default | meaning | variable |\n| --- | --- | --- | --- | --- |\n")
		}
		preset := "empty"
		if f.preset != "" {
			preset = "`" + f.preset + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%s` |\n", f.key, f.unit, preset, f.doc, EnvName(f.key))
	}
	return b.Bytes()
}
