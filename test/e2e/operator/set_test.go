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

// epochOf is the first epoch whose set names a network identity, in hex.
func (n *network) epochOf(identity string) uint64 {
	n.Helper()
	for _, address := range n.endpoints(n.Context()) {
		rpc, err := client.Connect(address, nil)
		if err != nil {
			continue
		}
		res, err := rpc.ListEpochs(n.Context(), connect.NewRequest(&nodev1.ListEpochsRequest{From: 1, Limit: 100}))
		if err != nil {
			continue
		}
		for _, e := range res.Msg.Epochs {
			for _, v := range e.Epoch.Validators {
				if hex.EncodeToString(v.NetworkKey) == identity {
					return e.Epoch.Number
				}
			}
		}
	}
	n.Fatalf("no node tells an epoch that names %s", identity)
	return 0
}

// leftInOrder are the network identities that went out of the set, in the order in which
// they went.
func (n *network) leftInOrder() []string {
	n.Helper()
	for _, address := range n.endpoints(n.Context()) {
		rpc, err := client.Connect(address, nil)
		if err != nil {
			continue
		}
		res, err := rpc.ListEpochs(n.Context(), connect.NewRequest(&nodev1.ListEpochsRequest{From: 1, Limit: 100}))
		if err != nil {
			continue
		}
		var before, out []string
		for _, e := range res.Msg.Epochs {
			var now []string
			for _, v := range e.Epoch.Validators {
				now = append(now, hex.EncodeToString(v.NetworkKey))
			}
			for _, identity := range before {
				if !slices.Contains(now, identity) {
					out = append(out, identity)
				}
			}
			before = now
		}
		return out
	}
	n.Fatal("no node tells the epochs")
	return nil
}

// watchSet gives the history of the network's sets, as the chain has it.
func (n *network) watchSet() setHistory {
	return func() []setSize {
		n.Helper()
		for _, address := range n.endpoints(n.Context()) {
			rpc, err := client.Connect(address, nil)
			if err != nil {
				continue
			}
			res, err := rpc.ListEpochs(n.Context(), connect.NewRequest(&nodev1.ListEpochsRequest{From: 1, Limit: 100}))
			if err != nil {
				continue
			}
			var out []setSize
			for _, e := range res.Msg.Epochs {
				out = append(out, setSize{e.Epoch.Number, len(e.Epoch.Validators)})
			}
			return out
		}
		n.Fatal("no node answers")
		return nil
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
