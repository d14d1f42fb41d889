package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/storage"
)

// programVersion is what a program says of itself before it touches anything.
type programVersion struct {
	Version      string `json:"version"`
	OldestSchema uint32 `json:"oldest_schema"` // that it reads
	NewestSchema uint32 `json:"newest_schema"` // that it reads, and migrates to
}

func newVersionCommand() *cobra.Command {
	var terminationLog string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "The program's version, and which databases it reads",
		Long: `Tells the version and the schemas of databases that the program reads. It writes
the oldest of them until "storage.schema" in a node's configuration asks for another;
then no program goes back that does not read that one.

--termination-log writes the same to a file, as a Job does for who supervises it.`,
		Example: "  bedrock version --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := programVersion{Version: version, OldestSchema: storage.OldestSchema, NewestSchema: storage.SchemaVersion}
			if terminationLog != "" {
				raw, err := json.Marshal(v)
				if err != nil {
					return err
				}
				if err := os.WriteFile(terminationLog, raw, 0o644); err != nil {
					return fmt.Errorf("--termination-log: %w", err)
				}
			}
			return show(cmd, v, func(w io.Writer) {
				fmt.Fprintf(w, "version     %s\nschemas     %d to %d\n", v.Version, v.OldestSchema, v.NewestSchema)
			})
		},
	}
	addOutputFlag(cmd)
	cmd.Flags().StringVar(&terminationLog, "termination-log", "", "also write it to this file, as JSON in one line")
	return cmd
}
