// Command volume makes or removes one volume's folder: what local-path-provisioner has
// its pods do, with the arguments that it gives them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	folder := flag.String("p", "", "the volume's folder")
	action := flag.String("a", "", "create or delete")
	// Folders have no size and no modes.
	flag.String("s", "", "size, unused")
	flag.String("m", "", "mode, unused")
	flag.Parse()
	if err := act(*action, *folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func act(action, folder string) error {
	if !filepath.IsAbs(folder) || filepath.Dir(folder) == "/" {
		return fmt.Errorf("%q is no folder of a volume: want an absolute path below another folder", folder)
	}
	switch action {
	case "create":
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return fmt.Errorf("make the volume's folder: %w", err)
		}
		// Pods of any user write to it; the process's mask took that away.
		return os.Chmod(folder, 0o777)
	case "delete":
		return os.RemoveAll(folder)
	default:
		return fmt.Errorf("unknown action %q: create or delete", action)
	}
}
