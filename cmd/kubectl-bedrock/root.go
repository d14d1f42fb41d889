package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// flags are those of every command.
type flags struct {
	kubeconfig, context, namespace string
	output                         string
	endpoints                      []string
	genesis                        string
	timeout                        time.Duration
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-bedrock",
		Short:         "See how Bedrock networks are, and act on them",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl bedrock"},
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.flags.output != "" && a.flags.output != "json" {
				return errors.New("--output: use json, or leave it out for a table")
			}
			return nil
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	f := root.PersistentFlags()
	f.StringVar(&a.flags.kubeconfig, "kubeconfig", "", "path of the kubeconfig (default: as kubectl finds it)")
	f.StringVar(&a.flags.context, "context", "", "context of the kubeconfig")
	f.StringVarP(&a.flags.namespace, "namespace", "n", "", "namespace (default: the context's)")
	f.StringVarP(&a.flags.output, "output", "o", "", "json, instead of a table")
	f.StringArrayVar(&a.flags.endpoints, "endpoint", nil, "RPC of a node, http://HOST:PORT, instead of reaching pods through the API server; may be repeated")
	f.StringVar(&a.flags.genesis, "genesis", "", "with --endpoint: genesis document that answers are verified against (default: the node's own, with a warning)")
	f.DurationVar(&a.flags.timeout, "timeout", 20*time.Second, "how long nodes and the API server may take")
	root.AddCommand(
		newStatusCommand(a), newWhyCommand(a), newSafeCommand(a), newDisruptCommand(a),
		newTakeoverCommand(a), newHandoffCommand(a), newReleaseCommand(a), newDrillCommand(a), newBundleCommand(a),
	)
	return root
}

// show prints a result: as JSON with --output json, else as text.
func (a *app) show(result any, text func(w io.Writer)) error {
	if a.flags.output != "json" {
		text(a.out)
		return nil
	}
	b, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	_, err = a.out.Write(append(b, '\n'))
	return err
}

// table prints rows in columns.
func table(w io.Writer, rows func(row func(cells ...any))) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, c)
		}
		fmt.Fprintln(t)
	})
	_ = t.Flush() // an error of w shows at its own end
}
