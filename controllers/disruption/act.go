package disruption

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
)

// version is a resourceVersion: what is written must still be as it was read.
type version string

// podNow is a live read of a pod.
type podNow struct {
	UID   string
	Gone  bool // there is none
	Going bool // it is being deleted
}

// store is what a step reads and writes. Every write but close is a compare-and-swap.
type store interface {
	// open writes a budget open if it still is at the version that was read before the
	// ledger was.
	open(ctx context.Context, validator string, at version) error
	// close writes a budget closed, always as a new version, makes it where there is none,
	// and answers the pods that its status, in that very answer, lets be evicted.
	close(ctx context.Context, validator string) (disrupted map[string]bool, err error)
	// pod is a live read of a validator's pod, by its name.
	pod(ctx context.Context, validator string) (name string, now podNow, err error)
	// write writes the ledger if it still is at the version that was read; empty: it must
	// not be there.
	write(ctx context.Context, data string, at version) (version, error)
	// evict asks the API server to evict the pod of that UID. Refused is no error.
	evict(ctx context.Context, validator, uid string) error
	// lease takes a lease on chain, or gives it back: sends the bytes.
	send(ctx context.Context, tx []byte) error
	// changing is a live read of what is on its way to the chain that changes the set;
	// empty: nothing is.
	changing(ctx context.Context) (string, error)
	// sign makes the bytes of a lease.
	sign(ctx context.Context, l plan.Lease) ([]byte, error)
}

// observed is what a pass begins with: budgets before the ledger.
type observed struct {
	in      plan.Input
	budgets map[string]version
	ledger  version
}

// act does one step, in the order that makes a crash between any two writes harmless:
// what ends is closed and read, the ledger is written, and only then anything opens.
// rule: token-ledger
func act(ctx context.Context, st store, o observed, next func(plan.Input) plan.Step) (plan.Step, error) {
	s, err := decideLive(ctx, st, &o, next)
	if err != nil {
		return s, err
	}
	for _, e := range s.Ends {
		used, uid, err := closeThenRead(ctx, st, e.Validator, o.in.Ledger.Token(e.Validator))
		if err != nil {
			return s, err
		}
		s.Ended(e, used, uid, &o.in)
	}
	for _, v := range s.Close {
		if err := faults.Do(ctx, "disruption/close", func() error { _, err := st.close(ctx, v); return err }); err != nil {
			return s, fmt.Errorf("close the budget of %s: %w", v, err)
		}
		s.Closed(v)
	}
	leases, err := signLeases(ctx, st, &s)
	if err != nil {
		return s, err
	}
	if s.Changed || o.ledger == "" {
		data, err := s.Ledger.Encode()
		if err != nil {
			return s, err
		}
		if err := faults.Do(ctx, "disruption/ledger", func() error { _, err := st.write(ctx, data, o.ledger); return err }); err != nil {
			return s, fmt.Errorf("write the token ledger: %w", err)
		}
	}
	if err := setStays(ctx, st, &o.in, &s); err != nil {
		return s, err
	}
	for _, v := range s.Open {
		if err := faults.Do(ctx, "disruption/open", func() error { return st.open(ctx, v, o.budgets[v]) }); err != nil {
			return s, fmt.Errorf("open the budget of %s: %w", v, err)
		}
	}
	for _, v := range s.Evict {
		t := s.Ledger.Token(v)
		if err := faults.Do(ctx, "disruption/evict", func() error { return st.evict(ctx, v, t.Pod) }); err != nil {
			return s, fmt.Errorf("evict the pod of %s: %w", v, err)
		}
	}
	for _, tx := range leases {
		if err := faults.Do(ctx, "disruption/lease", func() error { return st.send(ctx, tx) }); err != nil {
			return s, fmt.Errorf("send a lease to the chain: %w", err)
		}
	}
	return s, nil
}

// errSetChanges says that who validates is about to change, which the cache had not.
var errSetChanges = errors.New("the set is about to change")

// setStays is asked once the tokens are durable, before any opens: who sends what changes
// the set stores it first and reads the tokens then, so that of the two at least one sees
// the other. // rule: leave-only-by-scale
func setStays(ctx context.Context, st store, in *plan.Input, s *plan.Step) error {
	if !slices.ContainsFunc(s.Open, func(v string) bool { return in.TakesPower(s.Ledger.Token(v)) }) {
		return nil
	}
	what, err := st.changing(ctx)
	if err != nil {
		return fmt.Errorf("read what is on its way to the chain: %w", err)
	}
	if what != "" {
		return fmt.Errorf("%w: %s is on its way to the chain", errSetChanges, what)
	}
	return nil
}

// decideLive decides, and reads live the pods of the tokens that would come back: the
// watch of pods may be late, and votes be those of a process that is about to end. Where
// one goes it is decided again, with what was read. // rule: token-back
func decideLive(ctx context.Context, st store, o *observed, next func(plan.Input) plan.Step) (plan.Step, error) {
	s := next(o.in)
	late := false
	for _, v := range s.Back {
		_, now, err := st.pod(ctx, v)
		if err != nil {
			return s, fmt.Errorf("read the pod of %s: %w", v, err)
		}
		if now.Gone || now.Going {
			o.in.Going(v)
			late = true
		}
	}
	if late {
		s = next(o.in)
	}
	return s, nil
}

// closeThenRead closes a budget and says whether its pod was evicted under it: it is in
// the very answer's disruptedPods, is going, gone, or another one. // rule: close-then-read
func closeThenRead(ctx context.Context, st store, validator string, t *plan.Token) (used bool, uid string, err error) {
	var disrupted map[string]bool
	err = faults.Do(ctx, "disruption/close", func() error {
		disrupted, err = st.close(ctx, validator)
		return err
	})
	if err != nil {
		return false, "", fmt.Errorf("close the budget of %s: %w", validator, err)
	}
	name, now, err := st.pod(ctx, validator)
	if err != nil {
		return false, "", fmt.Errorf("read the pod of %s: %w", validator, err)
	}
	used = now.Gone || now.Going || disrupted[name]
	if t != nil {
		used = used || now.UID != t.Pod
		return used, t.Pod, nil
	}
	return used, now.UID, nil
}

// signLeases makes what is sent to the chain. A lease is signed once and stored with its
// token before it is sent; the same bytes are sent until the chain has them.
func signLeases(ctx context.Context, st store, s *plan.Step) ([][]byte, error) {
	var out [][]byte
	for _, l := range s.Leases {
		t := s.Ledger.Token(l.Validator)
		if t == nil {
			continue
		}
		if l.Again {
			out = append(out, t.Lease)
			continue
		}
		tx, err := st.sign(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("sign a lease of %s: %w", l.Validator, err)
		}
		if l.End > 0 {
			t.Lease, t.LeaseFrom, t.LeaseEnd, s.Changed = tx, l.ExpectedEnd, l.End, true
		}
		out = append(out, tx)
	}
	return out, nil
}
