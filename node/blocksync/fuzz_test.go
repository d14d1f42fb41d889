package blocksync

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// FuzzServe asks for a range with anything: it is refused, or the answer fits what a
// peer may send, holds no more than was asked for, and one who asks as this software
// does accepts it.
func FuzzServe(f *testing.F) {
	c := newChain(40, 30)
	serve := Serve(c)
	for _, m := range []*p2pv1.BlockRangeRequest{{FromHeight: 1, Count: 4, MaxBytes: MaxBytes}, {FromHeight: 39, Count: 1 << 31, MaxBytes: 1 << 63},
		{FromHeight: 1<<64 - 1, Count: 1}, {FromHeight: 29, Count: 9, MaxBytes: 1}, {}} {
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
		if len(answer) > Protocol.MaxResponseBytes {
			t.Fatalf("an answer of %d bytes", len(answer))
		}
		var asked p2pv1.BlockRangeRequest
		var got p2pv1.BlockRangeResponse
		if proto.Unmarshal(request, &asked) != nil || proto.Unmarshal(answer, &got) != nil {
			t.Fatal("a request was answered that does not decode, or its answer does not")
		}
		if len(got.Blocks) > min(int(asked.Count), MaxBlocks) {
			t.Fatalf("%d blocks where %d were asked for", len(got.Blocks), asked.Count)
		}
		if len(got.Blocks) == 0 {
			return
		}
		if _, err := Verify(answer, c.anchor(asked.FromHeight-1), Proof{Certificate: accept}); err != nil {
			t.Fatalf("range from %d is not accepted: %v", asked.FromHeight, err)
		}
	})
}
