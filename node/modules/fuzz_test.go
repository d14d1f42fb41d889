package modules

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// FuzzServe asks for a piece with anything: it is refused, or answered with what is
// there, in what a peer may send.
func FuzzServe(f *testing.F) {
	hash, wasm := sample()
	serve := Serve(&held{modules: map[[32]byte][]byte{hash: wasm}})
	for _, m := range []*p2pv1.ModuleRequest{{Hash: hash[:]}, {Hash: hash[:], Offset: 3 * PieceBytes}, {Hash: hash[:], Offset: 1<<64 - 1},
		{Hash: hash[:], Offset: 3*PieceBytes + 17}, {Hash: make([]byte, 32)}, {}} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		answer, err := serve(context.Background(), p2p.PeerID{}, request)
		if err != nil {
			return
		}
		var asked p2pv1.ModuleRequest
		var got p2pv1.ModuleResponse
		if len(answer) > Protocol.MaxResponseBytes || proto.Unmarshal(request, &asked) != nil || proto.Unmarshal(answer, &got) != nil {
			t.Fatalf("an answer of %d bytes to %x", len(answer), request)
		}
		if got.TotalBytes > 0 && !bytes.HasPrefix(wasm[asked.Offset:], got.Piece) {
			t.Fatalf("the piece at %d is another", asked.Offset)
		}
	})
}

// FuzzFetch answers whoever fetches a module with anything, piece after piece cut from
// the input: it gets the module that it wants, or none.
func FuzzFetch(f *testing.F) {
	small := []byte("a small module")
	whole, err := proto.Marshal(&p2pv1.ModuleResponse{TotalBytes: uint64(len(small)), Piece: small})
	if err != nil {
		f.Fatal(err)
	}
	half, err := proto.Marshal(&p2pv1.ModuleResponse{TotalBytes: uint64(len(small)), Piece: small[:7]})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, []byte{})
	f.Add(half, half)
	f.Add([]byte{}, []byte{})
	f.Add([]byte{0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x12, 0x01, 0x00}, whole)
	f.Fuzz(func(t *testing.T, first, later []byte) {
		calls := 0
		n := newNetwork(func(context.Context, p2p.PeerID, []byte) ([]byte, error) {
			if calls++; calls == 1 {
				return first, nil
			}
			if calls > 64 { // what comes in pieces of a byte ends sometime
				return nil, p2p.ErrNotConnected
			}
			return later, nil
		})
		hash := types.SumHash(small)
		got, err := (&Fetcher{Network: n}).Fetch(t.Context(), hash)
		if err == nil && types.SumHash(got) != hash {
			t.Fatalf("%d bytes of another module", len(got))
		}
	})
}
