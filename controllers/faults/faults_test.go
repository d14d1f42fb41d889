package faults_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/controllers/faults"
)

func TestDoIsTheActAloneWithoutAnInjector(t *testing.T) {
	done := 0
	if err := faults.Do(t.Context(), "a/b", func() error { done++; return nil }); err != nil || done != 1 {
		t.Fatalf("done %d times, %v", done, err)
	}
	own := errors.New("its own")
	if err := faults.Do(t.Context(), "a/b", func() error { return own }); !errors.Is(err, own) || errors.Is(err, faults.ErrInjected) {
		t.Fatalf("the act's error became %v", err)
	}
}

func TestScriptEndsOneReconcileAtOnePlace(t *testing.T) {
	for _, tt := range []struct {
		at   faults.Place
		done int // of the three acts of the run that dies
	}{
		{faults.Place{Name: "a/write", Moment: faults.Before, Nth: 1}, 0},
		{faults.Place{Name: "a/write", Moment: faults.After, Nth: 1}, 1},
		{faults.Place{Name: "a/write", Moment: faults.Before, Nth: 2}, 2},
		{faults.Place{Name: "a/send", Moment: faults.After, Nth: 1}, 2},
	} {
		t.Run(tt.at.String(), func(t *testing.T) {
			script := &faults.Script{At: &tt.at}
			ctx := faults.With(t.Context(), script.Inject)
			done := 0
			if err := run(ctx, &done); !errors.Is(err, faults.ErrInjected) || done != tt.done || !script.Fired() {
				t.Fatalf("%d acts done, %v", done, err)
			}
			if err := run(ctx, &done); err != nil || done != tt.done+3 {
				t.Fatalf("the second run: %d acts done in all, %v", done, err)
			}
		})
	}
}

func TestScriptRecords(t *testing.T) {
	script, done := &faults.Script{}, 0
	if err := run(faults.With(t.Context(), script.Inject), &done); err != nil {
		t.Fatal(err)
	}
	want := []faults.Place{
		{Name: "a/write", Moment: faults.Before, Nth: 1}, {Name: "a/write", Moment: faults.After, Nth: 1},
		{Name: "a/send", Moment: faults.Before, Nth: 1}, {Name: "a/send", Moment: faults.After, Nth: 1},
		{Name: "a/write", Moment: faults.Before, Nth: 2}, {Name: "a/write", Moment: faults.After, Nth: 2},
	}
	if diff := cmp.Diff(want, script.Passed()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:4], faults.Kinds(want)); diff != "" {
		t.Errorf("kinds: %s", diff)
	}
	if diff := cmp.Diff(want[4:], faults.Kinds(want[4:])); diff != "" {
		t.Errorf("kinds of a later part: %s", diff)
	}
	if diff := cmp.Diff(want[2:], faults.Middles(want)); diff != "" {
		t.Errorf("middles: %s", diff)
	}
}

func run(ctx context.Context, done *int) error {
	for _, name := range []string{"a/write", "a/send", "a/write"} {
		if err := faults.Do(ctx, name, func() error { *done++; return nil }); err != nil {
			return err
		}
	}
	return nil
}
