package metrics_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/devnet"
)

// What a node's log says of a block, in orders that hold whatever overtakes what: a
// block is executed while it is voted on, and may be final before the own votes are
// signed.
var (
	proposerSays = [][]string{{"block built", "block proposed", "block is final"}}
	othersSay    = [][]string{{"block received", "block verified"}}
	allSay       = [][]string{
		{"block verified", "block voted to prepare"},
		{"block verified", "block executed", "block is final"},
		{"block executed", "block voted to commit"},
	}
)

var (
	blockKey = regexp.MustCompile(` block=([0-9a-f]{64})( |$)`)
	message  = regexp.MustCompile(` msg="([^"]*)"`)
)

// trails reads, by block id, the messages of a node's log in their order.
func trails(t *testing.T, home string) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(home, "node.log"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		id, said := blockKey.FindStringSubmatch(strings.TrimSpace(line)), message.FindStringSubmatch(line)
		if id != nil && said != nil {
			out[id[1]] = append(out[id[1]], said[1])
		}
	}
	return out
}

// tells reports whether said holds all of each list of want, in its order.
func tells(said []string, want [][]string) bool {
	for _, steps := range want {
		rest := said
		for _, step := range steps {
			at := slices.Index(rest, step)
			if at < 0 {
				return false
			}
			rest = rest[at+1:]
		}
	}
	return true
}

// followBlock finds blocks that all nodes tell everything of: one node built and
// proposed it, the others received it, and each verified, voted, executed, voted
// again and saw it final. (Of a block whose certificate overtook its votes, a node
// has no vote to tell of.)
func followBlock(t *testing.T, net *devnet.Network) {
	t.Helper()
	all := make([]map[string][]string, len(net.Nodes))
	for i, p := range net.Nodes {
		all[i] = trails(t, p.Home)
	}
	followed, final, best := 0, 0, ""
	for id, said := range all[0] {
		if slices.Contains(said, "block is final") {
			final++
		}
		proposers, complete := 0, 0
		for i := range all {
			said := all[i][id]
			switch {
			case !tells(said, allSay):
			case tells(said, proposerSays):
				proposers++
				complete++
			case tells(said, othersSay):
				complete++
			}
		}
		if complete == len(all) && proposers == 1 {
			followed, best = followed+1, id
		}
	}
	if followed == 0 {
		t.Errorf("of %d final blocks none can be followed through all logs; such as:", final)
		for i := range all {
			for id, said := range all[i] {
				t.Logf("node%d, block %s: %s", i, id, strings.Join(said, ", "))
				break
			}
		}
		return
	}
	t.Logf("%d of %d final blocks can be followed through the logs of all nodes, such as %s", followed, final, best)
}
