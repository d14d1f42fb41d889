package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// nearest suggests a known key for an unknown one.
func nearest(known map[string]field, key string) string {
	best, least := "", len(key)/2+2
	candidates := map[string]bool{}
	for k := range known {
		candidates[k] = true
		if section, _, ok := strings.Cut(k, "."); ok {
			candidates[section] = true
		}
	}
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, k := range slices.Sorted(maps.Keys(candidates)) {
		d := distance(key, k)
		if k[strings.LastIndexByte(k, '.')+1:] == last { // in another section
			d = min(d, 1)
		}
		if d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return "; docs/configuration.md lists all"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the number of single-letter edits between two keys.
func distance(a, b string) int {
	const most = 256
	if len(a) > most || len(b) > most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
