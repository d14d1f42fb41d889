package p2p

import (
	"crypto/ed25519"
	"testing"
)

// pair connects two nodes for a benchmark.
func pair(b *testing.B) (*Network, *Network) {
	b.Helper()
	var nodes []*Network
	for i := range byte(2) {
		cfg, _, _ := testConfig(i + 1)
		for _, other := range nodes {
			cfg.Peers = []Peer{{ID: other.Self(), Addresses: other.Addresses()}}
		}
		n, err := New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { n.Close() })
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		n.SetValidators([]PeerID{nodes[1-i].Self()})
		for len(n.Peers()) == 0 {
			if n.ctx.Err() != nil {
				b.Fatal("closed")
			}
		}
	}
	return nodes[0], nodes[1]
}

// benchmarkEcho measures a message there and its echo back.
func benchmarkEcho(b *testing.B, size int, send func(*Network, []byte) error, receive func(*Network) <-chan Message) {
	x, y := pair(b)
	go func() {
		for m := range receive(y) {
			if send(y, m.Data) != nil {
				return
			}
		}
	}()
	msg := make([]byte, size)
	b.SetBytes(int64(2 * size))
	for b.Loop() {
		if err := send(x, msg); err != nil {
			b.Fatal(err)
		}
		<-receive(x)
	}
}

func BenchmarkVoteEcho(b *testing.B) {
	benchmarkEcho(b, 32+ed25519.SignatureSize+100, (*Network).MulticastVotes, (*Network).Votes)
}

func BenchmarkBlockEcho1MB(b *testing.B) {
	benchmarkEcho(b, 1<<20, (*Network).MulticastBlock, (*Network).Blocks)
}
