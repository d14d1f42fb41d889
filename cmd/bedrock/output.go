package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Formats of --output.
const (
	outputText = "text"
	outputJSON = "json"
)

// addOutputFlag gives a command its --output, which is checked before it runs.
func addOutputFlag(cmd *cobra.Command) {
	format := outputFormat(outputText)
	cmd.Flags().VarP(&format, "output", "o", "how to print: text or json")
}

type outputFormat string

// String implements pflag.Value.
func (f *outputFormat) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *outputFormat) Type() string { return "format" }

// Set implements pflag.Value.
func (f *outputFormat) Set(v string) error {
	if v != outputText && v != outputJSON {
		return errors.New("use text or json")
	}
	*f = outputFormat(v)
	return nil
}

// show prints a result: as JSON with --output json, else by text.
func show(cmd *cobra.Command, result any, text func(w io.Writer)) error {
	w := cmd.OutOrStdout()
	if cmd.Flag("output").Value.String() != outputJSON {
		text(w)
		return nil
	}
	b, err := encodeJSON(result)
	if err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func encodeJSON(v any) ([]byte, error) {
	if m, ok := v.(proto.Message); ok {
		// Through encoding/json: protojson varies its white space on purpose.
		raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			return nil, err
		}
		v = json.RawMessage(raw)
	}
	return json.MarshalIndent(v, "", "  ")
}

// readFile reads an input file of at most limit bytes; "-" is standard input.
func readFile(cmd *cobra.Command, path string, limit int64) ([]byte, error) {
	var r io.Reader = cmd.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no file %s here: check its name and the folder that this runs in", path)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w; check who may read it", path, err)
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return b, nil
}

// must panics where a command's own definition is wrong.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
