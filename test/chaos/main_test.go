package chaos_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

var (
	binaryFlag  = flag.String("binary", "", "bedrock program to test (default: build it)")
	hostFlag    = flag.Int("first-host", 100, "x of the first node's address 127.0.0.x")
	seedFlag    = flag.Uint64("seed", 0, "seed of instants and bits (default: the time)")
	killsFlag   = flag.Int("kills", 3, "how often all nodes are killed")
	schemeFlag  = flag.String("scheme", "ed25519", "signature scheme of the networks: ed25519 or bls12381")
	flipsFlag   = flag.Int("flips", 1, "how many bits are flipped in each place")
	healsFlag   = flag.Int("heals", 1, "how often a network is cut in halves and healed")
	cutFlag     = flag.Duration("cut", 2*time.Second, "how long it is cut each time")
	minutesFlag = flag.Float64("minutes", 0.1, "how long a storm lasts")
	loopFlag    = flag.Bool("loop", false, "a module that loops as well, which takes the fuel of a block on all nodes")
)

// bedrock is the program under test.
var bedrock string

func TestMain(m *testing.M) {
	flag.Parse()
	if *seedFlag == 0 {
		*seedFlag = uint64(time.Now().UnixNano())
	}
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	if bedrock = *binaryFlag; bedrock == "" {
		dir, err := os.MkdirTemp("", "bedrock-chaos-")
		if err != nil {
			return 1, err
		}
		defer os.RemoveAll(dir)
		if bedrock, err = fleet.Program(dir, ""); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// seeded is the test's own source of chance, by its name and the seed.
func seeded(t *testing.T) *rand.Rand {
	t.Logf("seed %d (go test ./test/chaos -run '%s' -seed %d)", *seedFlag, t.Name(), *seedFlag)
	var name uint64
	for _, b := range []byte(t.Name()) {
		name = name*31 + uint64(b)
	}
	return rand.New(rand.NewPCG(*seedFlag, name))
}

// cluster is a network that is damaged.
type cluster struct{ *fleet.Network }

// newCluster makes the homes of a network on this test's addresses.
func newCluster(t *testing.T, opt devnet.Options) *cluster {
	t.Helper()
	opt.Binary, opt.FirstHost, opt.Scheme = bedrock, *hostFlag, *schemeFlag
	return &cluster{fleet.New(t, opt)}
}
