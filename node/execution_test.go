package node

import (
	"context"
	"testing"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
)

// noModule stands where only the state matters.
type noModule struct{}

func (noModule) Module(context.Context, types.Hash, uint32) (*executor.Module, error) {
	return nil, nil
}

// Checks run beside commits: a commit between learning of the newest state and
// reading it must not be an error, which would end the node.
func TestNextBesideCommits(t *testing.T) {
	const blocks = 20_000
	id := func(height uint64) state.BlockID { return state.BlockID{byte(height), byte(height >> 8), 1} }
	overlays := state.NewOverlays(memstate.New(), id(0), state.Ref{}, nil)
	x := &execution{modules: noModule{}, overlays: overlays}
	x.SetTip(&types.Header{}, &types.Epoch{Number: 1})
	done := make(chan error, 1)
	go func() {
		for height := uint64(1); height <= blocks; height++ {
			err := overlays.Add(state.NewOverlay(id(height), id(height-1), state.Ref{Height: height}))
			if err == nil {
				err = overlays.Commit(id(height))
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for reads := 0; ; reads++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
		_, view, at, err := x.next(t.Context())
		if err != nil {
			t.Fatalf("read %d: %v", reads, err)
		}
		if ref := view.Ref(); at.Height != ref.Height+1 {
			t.Fatalf("a state of height %d for a block of height %d", ref.Height, at.Height)
		}
		view.Close()
	}
}
