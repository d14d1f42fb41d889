package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	name := flag.String("name", "", "the image's name")
	version := flag.String("version", "unknown", "the project's version")
	created := flag.Int64("created", 0, "seconds since 1970, for the list's date")
	flag.Parse()
	if flag.NArg() != 1 || *name == "" {
		fmt.Fprintln(os.Stderr, "usage: sbom -name IMAGE [-version V] [-created SECONDS] IMAGE.tar >IMAGE.spdx.json")
		os.Exit(2)
	}
	if err := run(*name, *version, time.Unix(*created, 0), flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name, version string, created time.Time, file string) error {
	contents, err := readImage(file)
	if err != nil {
		return fmt.Errorf("read the image %s: %w", file, err)
	}
	if len(contents.programs) == 0 {
		return fmt.Errorf("the image %s holds no Go program", file)
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(list(name, version, created, contents))
}
