package node

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Votes only rise, are of heights that there may be, and do not pile up.
func TestSeenVotesRiseAndAreBounded(t *testing.T) {
	o := &observer{seen: map[[32]byte]vote{}}
	o.final.Store(10)
	who := [32]byte{1}
	for _, h := range []uint64{12, 9, 10 + farVote + 1, 11} {
		o.Voted(who, &types.SignedCommit{Epoch: 2, Vote: types.Commit{Height: h}})
	}
	if v := o.seen[who]; v.height != 12 || v.epoch != 2 || time.Since(v.at) > time.Hour {
		t.Errorf("seen %+v, want height 12", v)
	}
	for i := range uint64(2 * maxSeen) {
		o.final.Store(i)
		var key [32]byte
		binary.LittleEndian.PutUint64(key[8:], i)
		o.Voted(key, &types.SignedCommit{Vote: types.Commit{Height: i + 13}})
	}
	if _, there := o.seen[who]; len(o.seen) != maxSeen || there {
		t.Errorf("%d are remembered, the oldest among them: %t", len(o.seen), there)
	}
}
