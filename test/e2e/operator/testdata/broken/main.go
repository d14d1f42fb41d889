// Command broken stands for a node's program with a fault: it says which databases it
// reads, as a node does, and ends where it should start.
package main

import (
	"fmt"
	"os"
	"slices"
)

const version = `{"version": "broken", "oldest_schema": 1, "newest_schema": 1}`

func main() {
	if len(os.Args) < 2 || os.Args[1] != "version" {
		fmt.Fprintln(os.Stderr, "bedrock: this build is broken: it cannot start")
		os.Exit(1)
	}
	if i := slices.Index(os.Args, "--termination-log"); i > 0 && i+1 < len(os.Args) {
		if err := os.WriteFile(os.Args[i+1], []byte(version), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "bedrock:", err)
			os.Exit(1)
		}
	}
	fmt.Println(version)
}
