package chaos_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// rules writes the firewall of each node anew: what comes from nodes that it is cut off
// from is dropped where it arrives, in silence, as a switch does that lost a link.
// Clients are not concerned. Counters begin anew.
func (l *lab) rules() {
	l.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for to, space := range l.spaces {
		var b strings.Builder
		b.WriteString("table inet chaos\ndelete table inet chaos\ntable inet chaos {\n chain in {\n  type filter hook input priority 0\n")
		fmt.Fprintf(&b, "  ip saddr %s accept\n", tester)
		for from := range l.spaces {
			if l.cuts[link{from, to}] {
				fmt.Fprintf(&b, "  ip saddr %s counter drop\n", nodeHost(from))
			}
		}
		switch {
		case l.loss >= 1000:
			b.WriteString("  meta l4proto udp counter drop\n")
		case l.loss > 0:
			fmt.Fprintf(&b, "  meta l4proto udp numgen random mod 1000 < %d counter drop\n", l.loss)
		}
		b.WriteString(" }\n}\n")
		l.run(space, b.String(), "nft", "-f", "-")
	}
}

// cut ends these directions, and no others.
func (l *lab) cut(directions ...link) {
	l.Helper()
	l.mu.Lock()
	clear(l.cuts)
	for _, d := range directions {
		l.cuts[d] = true
	}
	l.mu.Unlock()
	l.rules()
}

// lose drops so many of 1000 datagrams between nodes.
func (l *lab) lose(permille int) {
	l.Helper()
	l.mu.Lock()
	l.loss = permille
	l.mu.Unlock()
	l.rules()
}

var counted = regexp.MustCompile(`counter packets (\d+)`)

// dropped is how many datagrams a node's firewall has dropped since the rules changed.
func (l *lab) dropped(node int) int {
	l.Helper()
	sum := 0
	for _, m := range counted.FindAllStringSubmatch(l.run(l.spaces[node], "", "nft", "list", "table", "inet", "chaos"), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			l.Fatal(err)
		}
		sum += n
	}
	return sum
}

// between are all directions between two groups, both ways.
func between(a, b []int) []link {
	var list []link
	for _, x := range a {
		for _, y := range b {
			list = append(list, link{x, y}, link{y, x})
		}
	}
	return list
}
