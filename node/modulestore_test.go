package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/executortest"
	"github.com/bedrock-bft/bedrock/node/modules"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
)

// openTestModules is a module store whose source gives what a test says.
func openTestModules(t *testing.T, source func(types.Hash) ([]byte, error)) (*moduleStore, string, *atomic.Int64) {
	t.Helper()
	dir, asked := t.TempDir(), new(atomic.Int64)
	m, err := openModules(dir, "", executor.Options{Number: executor.EngineOne}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if source != nil {
		m.source = func(_ context.Context, hash types.Hash) ([]byte, error) {
			asked.Add(1)
			return source(hash)
		}
	}
	return m, dir, asked
}

func variantOf(t *testing.T, v executortest.Variant) ([]byte, types.Hash) {
	t.Helper()
	wasm, err := executortest.Make(v)
	if err != nil {
		t.Fatal(err)
	}
	return wasm, types.SumHash(wasm)
}

func TestModuleIsBroughtOnceForAll(t *testing.T) {
	wasm, hash := variantOf(t, executortest.Variant{Version: 1})
	m, dir, asked := openTestModules(t, func(types.Hash) ([]byte, error) { return wasm, nil })
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if module, err := m.Module(t.Context(), hash, executor.EngineOne); err != nil || module.Hash() != hash {
				t.Errorf("got %v", err)
			}
		})
	}
	wait.Wait()
	if asked.Load() != 1 || !m.Has(hash) {
		t.Errorf("asked %d times, stored: %v", asked.Load(), m.Has(hash))
	}
	// A file that was damaged on the disk is brought anew.
	again, err := openModules(dir, "", executor.Options{Number: executor.EngineOne}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again.source = m.source
	if err := os.WriteFile(filepath.Join(dir, hash.String()+".wasm"), wasm[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	if module, err := again.Module(t.Context(), hash, executor.EngineOne); err != nil || module.Hash() != hash || asked.Load() != 2 {
		t.Errorf("a damaged file: %v, asked %d times", err, asked.Load())
	}
}

// A peer that offers more than a module may have is penalised: a larger document is not
// offered, and brought as a file. // rule: recovery-genesis
func TestLargeDocumentsAreNotOffered(t *testing.T) {
	m, _, _ := openTestModules(t, nil)
	store, err := storage.Open(filepath.Join(t.TempDir(), "db"), storage.Options{Genesis: types.Hash{1}, NoVoteLog: true, AllowUnsafeFileSystem: true, BallastBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	served := content{m, store}
	for _, size := range []int{1, modules.MaxBytes, modules.MaxBytes + 1} {
		document := make([]byte, size)
		hash := types.SumHash(document)
		if err := store.KeepDocument(hash, document); err != nil {
			t.Fatal(err)
		}
		if has := served.Has(hash); has != (size <= modules.MaxBytes) {
			t.Errorf("a document of %d bytes is offered: %t", size, has)
		}
	}
}

// A module that is at hand from before its file went is not kept: it is brought again, or
// the node is not ready for it. rule: module-ready
func TestModuleWhoseFileWentIsNotKept(t *testing.T) {
	wasm, hash := variantOf(t, executortest.Variant{Version: 1})
	m, dir, asked := openTestModules(t, func(types.Hash) ([]byte, error) { return wasm, nil })
	path := filepath.Join(dir, hash.String()+".wasm")
	if _, err := m.Kept(t.Context(), hash, executor.EngineOne); err != nil {
		t.Fatal(err)
	}
	for i, spoil := range []func() error{
		func() error { return os.Remove(path) }, func() error { return os.WriteFile(path, wasm[1:], 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Kept(t.Context(), hash, executor.EngineOne); err != nil || asked.Load() != int64(i)+2 || !m.Has(hash) {
			t.Errorf("after its file was spoilt: %v, asked %d times", err, asked.Load())
		}
	}
	m.source = nil
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Kept(t.Context(), hash, executor.EngineOne); !errors.Is(err, executor.ErrNoModule) {
		t.Errorf("with nobody to ask: %v", err)
	}
}

func TestModuleThatCannotBeHad(t *testing.T) {
	fault := errors.New("no peer")
	m, _, asked := openTestModules(t, func(types.Hash) ([]byte, error) { return nil, fault })
	for range 3 {
		if _, err := m.Module(t.Context(), types.Hash{1}, executor.EngineOne); !errors.Is(err, executor.ErrNoModule) || !errors.Is(err, fault) {
			t.Errorf("got %v", err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("peers were asked %d times in a moment", asked.Load())
	}
	if _, err := m.Module(t.Context(), types.Hash{1}, 2); !errors.Is(err, executor.ErrNoEngine) {
		t.Errorf("an engine that is not there: %v", err)
	}
	refused := []byte("\x00asm\x01\x00\x00\x00")
	m, _, _ = openTestModules(t, func(types.Hash) ([]byte, error) { return refused, nil })
	var why *executor.RefusedError
	if _, err := m.Module(t.Context(), types.SumHash(refused), executor.EngineOne); !errors.As(err, &why) || m.Has(types.SumHash(refused)) {
		t.Errorf("a module that is refused: %v, stored %v", err, m.Has(types.SumHash(refused)))
	}
	m, _, _ = openTestModules(t, nil)
	if _, err := m.Module(t.Context(), types.Hash{1}, executor.EngineOne); !errors.Is(err, executor.ErrNoModule) {
		t.Errorf("without a source: %v", err)
	}
}

// Blocks of the epoch before, and of the present one, are verified by their own
// module; what an epoch lacks is told until that epoch has it.
func TestExecutionKnowsTheModulesOfItsEpochs(t *testing.T) {
	old, oldHash := variantOf(t, executortest.Variant{Version: 1})
	next, nextHash := variantOf(t, executortest.Variant{Version: 2})
	m, _, _ := openTestModules(t, nil)
	if _, err := m.Add(old); err != nil {
		t.Fatal(err)
	}
	first := &types.Epoch{Number: 1, ExecutorHash: oldHash, Engine: executor.EngineOne}
	second := &types.Epoch{Number: 2, ExecutorHash: nextHash, Engine: executor.EngineOne}
	x := &execution{modules: m, log: slog.New(slog.DiscardHandler)}
	x.SetTip(&types.Header{}, first)
	x.SetTip(&types.Header{Height: 1}, second)
	if x.epochOf(oldHash) != first || x.epochOf(nextHash) != second || x.epochOf(types.Hash{9}) != second {
		t.Error("a hash is taken for another epoch's")
	}
	if err := x.Prepare(t.Context(), second); err == nil || !strings.Contains(x.lacks(), nextHash.String()) {
		t.Errorf("prepared %v, lacks %q", err, x.lacks())
	}
	if verdicts, err := x.Verify(t.Context(), oldHash, [][]byte{[]byte("a"), {executortest.OpRefused}}); err != nil || verdicts[0].Code != 0 || verdicts[1].Code != 1 {
		t.Errorf("by the module before: %v, %v", verdicts, err)
	}
	if _, err := x.await(t.Context(), first); err != nil || x.lacks() == "" {
		t.Errorf("the epoch before has its module (%v), and no more is lacking: %q", err, x.lacks())
	}
	waited := make(chan error, 1)
	go func() {
		_, err := x.await(t.Context(), second)
		waited <- err
	}()
	if _, err := m.Add(next); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil || x.lacks() != "" {
		t.Errorf("once it is there: %v, lacks %q", err, x.lacks())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.await(ctx, &types.Epoch{Number: 3, ExecutorHash: types.Hash{7}, Engine: executor.EngineOne}); !errors.Is(err, executor.ErrNoModule) {
		t.Errorf("ended while it waits: %v", err)
	}
	if _, err := x.await(t.Context(), &types.Epoch{Number: 3, ExecutorHash: nextHash, Engine: 2}); !errors.Is(err, executor.ErrNoEngine) {
		t.Errorf("an engine that is not there: %v", err)
	}
}
