package memstate

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/executor/state"
)

func write(t *testing.T, s *State, height uint64, values []state.ValueWrite, pages []state.PageWrite) {
	t.Helper()
	set := &state.WriteSet{After: state.Ref{Height: height}, Values: values, Pages: pages}
	if err := s.Apply(set); err != nil {
		t.Fatal(err)
	}
}

func TestNewestAtOrBelow(t *testing.T) {
	s := New()
	a, b := state.Address{1}, state.Address{2}
	write(t, s, 2, []state.ValueWrite{{Address: a, Key: []byte("a"), Value: []byte("two")}}, []state.PageWrite{{Page: []byte("p2")}})
	write(t, s, 5, []state.ValueWrite{{Address: a, Tombstone: true, Key: []byte("a")}}, nil)
	write(t, s, 7, []state.ValueWrite{{Address: a, Key: []byte("a"), Value: []byte("seven")}}, []state.PageWrite{{Page: []byte("p7")}})
	want := map[uint64]string{1: "", 2: "two", 4: "two", 5: "", 6: "", 7: "seven", 9: "seven"}
	for height, value := range want {
		rows, err := s.ReadValues(height, []state.Address{b, a})
		if err != nil {
			t.Fatal(err)
		}
		if rows[0].Present || rows[1].Present != (value != "") || string(rows[1].Value) != value {
			t.Errorf("height %d: got %v, want absent and %q", height, rows, value)
		}
	}
	pages, err := s.ReadPages([]state.PageID{{Version: 7}, {Version: 3}, {Version: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]byte{[]byte("p7"), nil, []byte("p2")}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if err := s.Apply(&state.WriteSet{After: state.Ref{Height: 6}}); err == nil {
		t.Error("writes below the height: accepted")
	}
}

func TestInjectedFault(t *testing.T) {
	s, disk := New(), errors.New("disk on fire")
	s.SetFault(func() error { return disk })
	if _, err := s.ReadValues(1, nil); !errors.Is(err, disk) {
		t.Errorf("read values: got %v, want %v", err, disk)
	}
	if _, err := s.ReadPages(nil); !errors.Is(err, disk) {
		t.Errorf("read pages: got %v, want %v", err, disk)
	}
	s.SetFault(nil)
	if _, err := s.ReadValues(1, nil); err != nil {
		t.Errorf("after the fault: %v", err)
	}
}
