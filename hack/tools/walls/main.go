package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
)

func main() {
	dir := flag.String("C", ".", "root of the module to check")
	flag.Parse()

	findings, err := check(*dir)
	if err != nil {
		fmt.Fprintf(os.Stderr, "walls: %v\n", err)
		os.Exit(2)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		fmt.Fprintf(os.Stderr, "walls: %d findings; the walls are listed in hack/tools/walls/rules.go\n", len(findings))
		os.Exit(1)
	}
	fmt.Println("walls: none is broken")
}

// check returns the findings for the module rooted at dir, sorted, each once.
func check(dir string) ([]string, error) {
	mod, err := load(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, pass := range []func(*module) []string{brokenWalls, fileFindings, offTheRuntime} {
		all = append(all, pass(mod)...)
	}
	for _, pass := range []func(*module) ([]string, error){reachedCgo, impureCore} {
		found, err := pass(mod)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}

	sort.Strings(all)
	once := all[:0]
	for i, f := range all {
		if i == 0 || f != all[i-1] {
			once = append(once, f)
		}
	}
	return once, nil
}
