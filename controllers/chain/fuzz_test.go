package chain

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/client/ledger"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// FuzzStatus reads whatever a node may say of itself: what is taken has its identity,
// and figures that fit a status.
func FuzzStatus(f *testing.F) {
	key := bytes.Repeat([]byte{1}, 32)
	for _, m := range []*nodev1.GetStatusResponse{
		{GenesisHash: key, NetworkKey: key, ValidatorIndex: -1},
		{GenesisHash: key, NetworkKey: key, OldestWaitingMs: 1<<64 - 1, StartedTimeMs: 1<<64 - 1,
			Consensus: &nodev1.ConsensusStatus{CommitAgeMs: 1 << 63, ViewAgeMs: 1 << 62, LeaderKey: key[:3]},
			Database:  &nodev1.DatabaseStatus{Schema: 1<<32 - 1, OldestReadable: 1, Newest: 1 << 31},
			Executor:  &nodev1.ExecutorStatus{Hash: key, Upgrade: &nodev1.UpgradeStatus{Hash: key, Ready: [][]byte{key, {1}, {}}}}},
		{},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m nodev1.GetStatusResponse
		if proto.Unmarshal(data, &m) != nil {
			return
		}
		s, err := statusOf(&m)
		if err != nil {
			return
		}
		for _, age := range []time.Duration{s.CommitAge, s.OldestWaiting, s.ViewAge, s.ViewTimer, s.BaseTimer, s.IdleInterval} {
			if age < 0 || age > maxAge {
				t.Fatalf("an age of %s", age)
			}
		}
		if int32(s.Schema) < 0 || int32(s.OldestSchema) < 0 || int32(s.NewestSchema) < 0 {
			t.Fatalf("schemas %d, %d, %d", s.Schema, s.OldestSchema, s.NewestSchema)
		}
		if len(s.UpgradeReady) > ledger.MaxValidators || !bytes.Equal(s.Identity[:], m.NetworkKey) {
			t.Fatalf("%d validators are ready, identity %s", len(s.UpgradeReady), s.Identity)
		}
	})
}
