package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// brokenWalls returns one finding for every import that the table refuses.
func brokenWalls(m *module) []string {
	var out []string
	for _, p := range m.own {
		for _, path := range p.imports {
			to, ours := m.relative(path)
			if !ours {
				continue
			}
			if why := refused(p.rel, to); why != "" {
				out = append(out, fmt.Sprintf("%s imports %s: %s", p.rel, to, why))
			}
		}
	}
	return out
}

// refused returns why package from may not import to, or "" if it may.
func refused(from, to string) string {
	if under(to, "cmd/...") && command(from) != command(to) {
		return "nothing imports cmd"
	}
	for _, a := range allowed {
		if under(from, a.from) && under(to, a.to) {
			return ""
		}
	}
	for _, w := range walls {
		if !underAny(from, w.from) {
			continue
		}
		if w.only != nil && !underAny(to, w.only) || underAny(to, w.never) {
			return w.why
		}
	}
	return ""
}

// command returns the binary that a package belongs to: cmd/x for cmd/x/y.
func command(rel string) string {
	parts := strings.SplitN(rel, "/", 3)
	if len(parts) < 2 || parts[0] != "cmd" {
		return ""
	}
	return parts[1]
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
