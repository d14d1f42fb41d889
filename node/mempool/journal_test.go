package mempool

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJournalSurvivesRestartsAndTornEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mempool.journal")
	withJournal := func(c *Config) { c.Journal = path }
	f := newFixture(t, withJournal)
	f.mustAdd(tx("a", 0, 1), tx("a", 1, 1), tx("b", 0, 1))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{len(whole), len(whole) - 1, len(whole) - len(whole)/3 + 4} {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		g := newFixture(t, withJournal)
		want := 3
		if cut < len(whole) {
			want = 2
		}
		waitFor(t, func() bool { return g.Stats().Txs == want })
		g.Close()
	}
	// A flipped bit ends it before the damaged record.
	whole[recordHeader+3] ^= 1
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	g := newFixture(t, withJournal)
	g.mustAdd(tx("c", 0, 1))
	if s := g.Stats(); s.Txs != 1 {
		t.Errorf("%+v", s)
	}
}

func TestJournalIsBoundedAndCompacted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, txs, err := openJournal(path, 3<<20, slog.New(slog.DiscardHandler))
	if err != nil || len(txs) != 0 {
		t.Fatal(txs, err)
	}
	one := bytes.Repeat([]byte{1}, 1000)
	var live [][]byte
	for i := range 5000 {
		one = append([]byte(fmt.Sprint(i)), one[:990]...)
		j.append([][]byte{one})
		if i%100 == 0 {
			live = append(live, one)
			j.maintain(func() [][]byte { return live })
		}
		if j.size > 3<<20 {
			t.Fatalf("the journal has %d bytes", j.size)
		}
	}
	if err := j.compact(live); err != nil {
		t.Fatal(err)
	}
	j.append([][]byte{{7}})
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	_, got, err := openJournal(path, 3<<20, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(append(live, []byte{7}), got); d != "" {
		t.Error(d)
	}
}

// A paused journal does not grow; going on it holds what came meanwhile, and what left
// is gone.
func TestJournalPauses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mempool.journal")
	f := newFixture(t, func(c *Config) { c.Journal = path })
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	f.mustAdd(tx("a", 0, 1))
	one := size()
	f.PauseJournal(true)
	f.PauseJournal(true)
	f.mustAdd(tx("a", 1, 1), tx("b", 0, 1))
	f.journal.maintain(f.live)
	if size() != one {
		t.Errorf("a paused journal went from %d to %d bytes", one, size())
	}
	f.PauseJournal(false)
	f.mustAdd(tx("c", 0, 1))
	if got := size(); got <= 3*one/2 {
		t.Errorf("the journal went on with %d bytes, one transaction takes %d", got, one)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g := newFixture(t, func(c *Config) { c.Journal = path })
	waitFor(t, func() bool { return g.Stats().Txs == 4 })
	newFixture(t, nil).PauseJournal(true) // there is none
}

func TestUnreadableJournalIsAnError(t *testing.T) {
	l := newLedger()
	_, err := New(Config{Verifier: l, Checker: l, Journal: t.TempDir()})
	if err == nil {
		t.Error("a folder was taken for a journal")
	}
	if _, err := New(Config{}); err == nil {
		t.Error("a pool without a verifier")
	}
}

// FuzzJournal reads anything: what comes out is what its records hold, and reading
// its good part again gives the same.
func FuzzJournal(f *testing.F) {
	var seed bytes.Buffer
	j := &journal{most: 1 << 20}
	j.write(&seed, []byte("one"))
	j.write(&seed, []byte("two"))
	f.Add(seed.Bytes())
	f.Add(seed.Bytes()[:seed.Len()-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		txs, good, err := readJournal(bytes.NewReader(data), 1<<20)
		if err != nil || good > int64(len(data)) {
			t.Fatalf("%d good of %d, %v", good, len(data), err)
		}
		var again bytes.Buffer
		j := &journal{most: 1 << 20}
		for _, tx := range txs {
			if err := j.write(&again, tx); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(again.Bytes(), data[:good]) {
			t.Fatal("what was read is not what was written")
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add(EncodeBatch([][]byte{{1}, {2, 3}}))
	f.Add([]byte{10, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		txs, err := DecodeBatch(data)
		if err != nil {
			if !errors.Is(err, errBatch) {
				t.Fatal(err)
			}
			return
		}
		if len(txs) == 0 || len(txs) > MaxBatchTxs {
			t.Fatalf("%d transactions", len(txs))
		}
		back, err := DecodeBatch(EncodeBatch(txs))
		if err != nil || !cmp.Equal(txs, back) {
			t.Fatalf("%v", err)
		}
	})
}

func TestBatchBounds(t *testing.T) {
	if _, err := DecodeBatch(nil); err == nil {
		t.Error("an empty batch was taken")
	}
	many := make([][]byte, MaxBatchTxs+1)
	for i := range many {
		many[i] = []byte{1}
	}
	if _, err := DecodeBatch(EncodeBatch(many)); err == nil {
		t.Error("too many were taken")
	}
	if got, err := DecodeBatch(EncodeBatch(many[1:])); err != nil || len(got) != MaxBatchTxs {
		t.Errorf("%d, %v", len(got), err)
	}
}
