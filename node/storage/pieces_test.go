package storage

import (
	"math/rand/v2"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/storage/crashfs"
)

// A batch of 24 MiB never stands in front of the device as a whole: votes share it.
func TestBatchesReachTheDeviceInPieces(t *testing.T) {
	fs := crashfs.New(1, t.TempDir())
	t.Cleanup(fs.Free)
	opt := testOptions()
	opt.NewEnv, opt.WriteBufferBytes = fs.Env, 256<<20
	c := newChain(1, 8)
	s := openStore(t, t.TempDir(), opt)
	c.fill(t, s, 1)
	c.grow(2)
	big := c.block(2)
	noise := rand.NewChaCha8([32]byte{1})
	for i := range 24 {
		page := make([]byte, 1<<20)
		_, _ = noise.Read(page) // never fails
		big.Writes.Pages = append(big.Writes.Pages, state.PageWrite{Path: state.Path{Len: 60, Bits: [32]byte{byte(i)}}, Page: page})
	}
	if err := s.Commit([]Final{big}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	// RocksDB holds one piece in its buffer and keeps its latest one back.
	if held := fs.MostHeld(); held < pieceBytes || held > 4*pieceBytes {
		t.Errorf("the log held %d bytes at most, want one to four pieces of %d", held, pieceBytes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
