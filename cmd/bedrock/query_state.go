package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// stateResult is what is printed of a row.
type stateResult struct {
	Key    string `json:"key"` // hex
	Exists bool   `json:"exists"`
	Value  string `json:"value"` // hex
	Text   string `json:"text,omitempty"`
	Height uint64 `json:"height"`
}

// newQueryStateCommand reads a row of whatever state machine the chain runs. The
// path `key` with the raw key as data is what every machine has.
func newQueryStateCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "state KEY",
		Short: "The row of a raw state key, or a proof that there is none",
		Long: `Reads one row of the state, of whatever state machine the chain runs. KEY is text, or
hex after 0x, and is the raw key: the proof is of that very key, so that nothing is
taken on a node's word. The row is printed in hex; what it means is the machine's.`,
		Example: `  bedrock query state counter/apples --prove apples.proof
  bedrock query state 0x04 --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := parseBytes(args[0])
			if err != nil {
				return fmt.Errorf("key: %w", err)
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			s, err := c.Query(cmd.Context(), "key", key, f.height, key)
			if err != nil {
				return err
			}
			if err := f.keep(cmd, s.Message, c); err != nil {
				return err
			}
			r := stateResult{Key: hex.EncodeToString(key), Exists: !s.Absent, Value: hex.EncodeToString(s.Value), Height: s.Height}
			if utf8.Valid(s.Value) {
				r.Text = string(s.Value)
			}
			return show(cmd, r, func(w io.Writer) {
				fmt.Fprintf(w, "key     %s\nexists  %t\nvalue   %s\nheight  %d\n", r.Key, r.Exists, r.Value, r.Height)
			})
		},
	}
	f.add(cmd, true)
	return cmd
}
