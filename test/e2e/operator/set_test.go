//go:build e2e

package operator

import (
	"encoding/hex"
	"slices"
	"testing"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// setSize is how many validators an epoch had.
type setSize struct {
	epoch      uint64
	validators int
}

// setHistory reads the epochs of the chain, from the first one on.
type setHistory func() []setSize

// epochs gives the chain's, from the first one on, by one node after the other, until
// they are enough.
func (n *network) epochs(what string, enough func([]*nodev1.EpochStart) bool) {
	n.Helper()
	for _, address := range n.endpoints(n.Context()) {
		rpc, err := client.Connect(address, nil)
		if err != nil {
			continue
		}
		res, err := rpc.ListEpochs(n.Context(), connect.NewRequest(&nodev1.ListEpochsRequest{From: 1, Limit: 100}))
		if err == nil && enough(res.Msg.Epochs) {
			return
		}
	}
	n.Fatalf("no node tells %s", what)
}

// epochOf is the first epoch whose set names a network identity, in hex.
func (n *network) epochOf(identity string) (epoch uint64) {
	n.Helper()
	n.epochs("an epoch that names "+identity, func(list []*nodev1.EpochStart) bool {
		for _, e := range list {
			if slices.Contains(identities(e), identity) {
				epoch = e.Epoch.Number
				return true
			}
		}
		return false
	})
	return epoch
}

func identities(e *nodev1.EpochStart) (list []string) {
	for _, v := range e.Epoch.Validators {
		list = append(list, hex.EncodeToString(v.NetworkKey))
	}
	return list
}

// leftInOrder are the network identities that went out of the set, in the order in which
// they went.
func (n *network) leftInOrder() (out []string) {
	n.Helper()
	n.epochs("the epochs", func(list []*nodev1.EpochStart) bool {
		var before []string
		for _, e := range list {
			now := identities(e)
			for _, identity := range before {
				if !slices.Contains(now, identity) {
					out = append(out, identity)
				}
			}
			before = now
		}
		return true
	})
	return out
}

// watchSet gives the history of the network's sets, as the chain has it.
func (n *network) watchSet() setHistory {
	return func() (out []setSize) {
		n.Helper()
		n.epochs("the epochs", func(list []*nodev1.EpochStart) bool {
			for _, e := range list {
				out = append(out, setSize{e.Epoch.Number, len(e.Epoch.Validators)})
			}
			return true
		})
		return out
	}
}

// oneByOne holds that no epoch brought in or took out more than one.
func (h setHistory) oneByOne(t *testing.T) {
	t.Helper()
	list := h()
	for i := 1; i < len(list); i++ {
		if d := list[i].validators - list[i-1].validators; d < -1 || d > 1 {
			t.Errorf("epoch %d has %d validators, the one before %d: more than one at a time", list[i].epoch, list[i].validators, list[i-1].validators)
		}
	}
}
