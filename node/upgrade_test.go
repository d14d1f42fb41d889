package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/membership"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// scheduledRow is the ledger's row of what is scheduled.
func scheduledRow(hash byte, at uint64, ready ...ledger.ID) []byte {
	row := append([]byte{hash}, make([]byte, 31)...)
	row = binary.LittleEndian.AppendUint32(row, 1)
	for _, n := range []uint64{100, 200, at} {
		row = binary.LittleEndian.AppendUint64(row, n)
	}
	row = binary.LittleEndian.AppendUint32(row, uint32(len(ready)))
	for _, id := range ready {
		row = append(row, id[:]...)
	}
	return row
}

// watched is an upgrades over what a test says.
type watched struct {
	*upgrades
	t *testing.T

	lock    sync.Mutex
	rows    map[string]membership.Row
	report  RehearseReport
	missing error // of the module
	fault   error // of the rehearsal
	blocks  chan struct{}
	tried   []types.Hash
}

func watch(t *testing.T) *watched {
	w := &watched{t: t, rows: map[string]membership.Row{}, report: RehearseReport{From: 1, To: 9, Same: true}}
	w.upgrades = &upgrades{identity: ledger.ID{7}, log: slog.New(slog.DiscardHandler)}
	w.query = func(_ context.Context, path string) (membership.Row, error) {
		w.lock.Lock()
		defer w.lock.Unlock()
		row, ok := w.rows[path]
		row.Absent = !ok
		return row, nil
	}
	w.module = func(_ context.Context, hash types.Hash, _ uint32) (*executor.Module, error) {
		w.lock.Lock()
		defer w.lock.Unlock()
		w.tried = append(w.tried, hash)
		return nil, w.missing
	}
	w.rehearse = func(ctx context.Context, _ *executor.Module) (RehearseReport, error) {
		if w.blocks != nil {
			select {
			case <-w.blocks:
			case <-ctx.Done():
				return RehearseReport{}, ctx.Err()
			}
		}
		w.lock.Lock()
		defer w.lock.Unlock()
		return w.report, w.fault
	}
	t.Cleanup(w.stop)
	return w
}

func (w *watched) schedule(row []byte) {
	w.t.Helper()
	w.lock.Lock()
	delete(w.rows, "upgrade")
	if row != nil {
		w.rows["upgrade"] = membership.Row{Value: row}
	}
	w.lock.Unlock()
	if err := w.round(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// becomes waits for a readiness.
func (w *watched) becomes(want nodev1.ModuleReadiness, words string) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; <-time.After(time.Millisecond) {
		s := w.status()
		if s.GetReadiness() == want && strings.Contains(s.GetReason(), words) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("readiness %v (%s), want %v with %q", s.GetReadiness(), s.GetReason(), want, words)
		}
	}
}

func TestUpgradeIsPreparedAndForgotten(t *testing.T) {
	w := watch(t)
	if err := w.round(t.Context()); err != nil || w.status() != nil || w.view().Scheduled != nil {
		t.Fatalf("nothing is scheduled: %v, %v", w.status(), err)
	}
	w.blocks = make(chan struct{})
	w.schedule(scheduledRow(1, 50))
	w.becomes(moduleRehearsing, "newest")
	if w.view().Able {
		t.Error("able before the rehearsal is over")
	}
	close(w.blocks)
	w.becomes(moduleReady, "blocks 1 to 9: the same")
	if v := w.view(); !v.Able || v.Scheduled.Executor != (ledger.ID{1}) {
		t.Errorf("ready, but %+v", v)
	}
	name := ledger.ID{8}
	w.rows["key_holder/"+w.identity.String()] = membership.Row{Value: name[:]}
	w.schedule(scheduledRow(1, 50, name))
	w.becomes(moduleAnnounced, "the same")
	if s := w.status(); len(s.Ready) != 1 || s.NotBeforeHeight != 100 || s.NotAfterHeight != 200 || s.Engine != 1 {
		t.Errorf("status %v", s)
	}
	w.schedule(scheduledRow(1, 60)) // cancelled, and scheduled again
	w.becomes(moduleReady, "the same")
	w.schedule(scheduledRow(2, 70))
	w.becomes(moduleReady, "the same")
	w.schedule(nil)
	if s := w.status(); s != nil || w.view().Able {
		t.Errorf("after it was cancelled: %v", s)
	}
	if got, want := fmt.Sprint(w.tried), fmt.Sprint([]types.Hash{{1}, {1}, {2}}); got != want {
		t.Errorf("modules tried %s, want %s", got, want)
	}
}

func TestUpgradeTellsWhyItIsUnready(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*watched)
		want nodev1.ModuleReadiness
		say  string
	}{
		"no peer has it": {func(w *watched) { w.missing = fmt.Errorf("ask: %w", executor.ErrNoModule) }, moduleMissing, "no such executor"},
		"refused":        {func(w *watched) { w.missing = &executor.RefusedError{Reason: "import wasi"} }, moduleUnready, "import wasi"},
		"no such engine": {func(w *watched) { w.missing = fmt.Errorf("engine 2: %w", executor.ErrNoEngine) }, moduleUnready, "does not have that engine"},
		"disk":           {func(w *watched) { w.fault = errors.New("disk on fire") }, moduleUnready, "disk on fire"},
		"fails": {func(w *watched) {
			w.report = RehearseReport{From: 3, To: 9, Failed: 2, Differences: []Difference{{Height: 4, What: "key"}, {Height: 5, What: "block", After: "failed: unreachable"}}}
		}, moduleUnready, "fails on 2 that the present module executes, the first at height 5: failed: unreachable"},
		"no block": {func(w *watched) { w.report = RehearseReport{From: 10, To: 9, Same: true} }, moduleRehearsing, "no block here yet"},
		"differs": {func(w *watched) {
			w.report = RehearseReport{From: 3, To: 9, Differences: []Difference{{Height: 4, What: "key", Name: "07", Before: "0x01", After: "0x02"}}}
		}, moduleReady, "behaves otherwise, first at height 4: key 07: 0x01, now 0x02"},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t)
			c.set(w)
			w.schedule(scheduledRow(1, 50))
			w.becomes(c.want, c.say)
			if v := w.view(); v.Able != (c.want == moduleReady) {
				t.Errorf("view %+v", v)
			}
		})
	}
}

// An executor whose state machine knows no upgrades, or another row of that name,
// schedules nothing.
func TestUpgradeOfAnotherStateMachine(t *testing.T) {
	w := watch(t)
	w.schedule([]byte("a counter: 7"))
	if w.status() != nil {
		t.Errorf("status %v", w.status())
	}
	w.rows["upgrade"] = membership.Row{Code: 30, Value: scheduledRow(1, 5)}
	if err := w.round(t.Context()); err != nil || w.status() != nil {
		t.Errorf("status %v, %v", w.status(), err)
	}
}

// A module that replaces one that was ready is not ready by that: at no moment is what
// was found out of the one said of the other. rule: module-ready
func TestUpgradeIsNotReadyByTheFormerOne(t *testing.T) {
	w := watch(t)
	ready := w.module
	w.module = func(ctx context.Context, hash types.Hash, engine uint32) (*executor.Module, error) {
		if hash[0] == 2 {
			return nil, errors.New("no peer has it")
		}
		return ready(ctx, hash, engine)
	}
	ended, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-ended:
				return
			default:
			}
			if v := w.view(); v.Able && (v.Scheduled == nil || v.Scheduled.Executor[0] == 2) {
				t.Errorf("said to be able to run %+v, which no peer has", v.Scheduled)
				return
			}
		}
	}()
	for at := range uint64(1000) {
		w.schedule(scheduledRow(1, 2*at+1))
		w.becomes(nodev1.ModuleReadiness_MODULE_READINESS_READY, "")
		w.schedule(scheduledRow(2, 2*at+2))
	}
	close(ended)
	<-looked
}

// A validator that the ledger has as ready, and whose node lost the module since, says so:
// it was ready on another chain volume, or with another program. rule: module-ready
func TestUpgradeThatWasAnnouncedAndIsLost(t *testing.T) {
	w := watch(t)
	w.missing = fmt.Errorf("ask: %w", executor.ErrNoModule)
	name := ledger.ID{8}
	w.rows["key_holder/"+w.identity.String()] = membership.Row{Value: name[:]}
	w.schedule(scheduledRow(1, 50, name))
	w.becomes(moduleMissing, "the ledger has it as ready, and this node is not: ask: no such executor")
}
