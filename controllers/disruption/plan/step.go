package plan

import (
	"sort"
	"time"
)

const (
	// unusedLimit after which a token goes to the tail when others wait.
	unusedLimit = 5 * time.Minute
	// LeaseMs is for how long a share of the budget is leased on chain, and leaseSpareMs
	// what must be left of it while a budget is open.
	LeaseMs      = 30 * 60 * 1000
	leaseSpareMs = 10 * 60 * 1000
)

// End is a token that shall end unused: close its budget, then read. // rule: close-then-read
type End struct {
	Validator string
	Why       string
	// Tail: its request goes to the tail; else it keeps its turn.
	Tail bool
	// Stray: there is no token, and yet its budget is open. What the read finds used
	// gets a token.
	Stray bool
}

// Lease is a lease to be taken (End above 0) or given back.
type Lease struct {
	Validator        string
	Member           Member
	ExpectedEnd, End uint64
	Again            bool // the bytes that the token stores are sent again
}

// Step is what to do, in this order: close and read the Ends, Close, write the Ledger by
// compare-and-swap if it Changed, and only then Open, Evict and the Leases.
type Step struct {
	Ledger  Ledger
	Changed bool
	Ends    []End
	Close   []string // budgets to be written closed, new ones too
	Open    []string // their tokens are granted
	Evict   []string // their budgets are open and their template is new // rule: one-gate
	Leases  []Lease
	// Back are those whose tokens come back in this step, where they are ours.
	Back []string

	Verdicts Verdicts
}

// Idle says that there is nothing to write.
func (s *Step) Idle() bool {
	return !s.Changed && len(s.Ends)+len(s.Close)+len(s.Open)+len(s.Evict)+len(s.Leases) == 0
}

// Next decides one step. The ledger was read after the budgets and pods were: what is
// opened is opened at the version that was read. // rule: token-ledger
func Next(in Input) Step {
	s := Step{Ledger: in.Ledger.Clone()}
	progress(&s, &in)
	s.Ends = ends(&s.Ledger, &in)
	refused := map[string]Refusal{}
	if !in.Paused {
		ask(&s, &in)
		if len(s.Ends) == 0 {
			refused = grant(&s, &in)
		} else {
			refused = refusals(&s.Ledger, &in)
		}
	}
	budgets(&s, &in)
	s.Verdicts = verdicts(&s, &in, refused)
	return s
}

// progress follows tokens from their use to the return. // rule: token-back
func progress(s *Step, in *Input) {
	for i := 0; i < len(s.Ledger.Tokens); i++ {
		t := &s.Ledger.Tokens[i]
		f := in.find(t.Validator)
		switch t.State {
		case Granted:
			if f == nil || f.PodUID != t.Pod || f.PodState == PodGoing || f.PodState == PodGone || f.Disrupted {
				s.use(t, in.Now)
			}
		case Used:
			if in.returned(t, f) {
				t.State, t.Height = Returning, in.View.Height
				// Its budget went with its Validator, or another's has its place.
				t.Closed = t.Closed || f == nil || f.Budget == BudgetTaken
				if m := in.member(t); m != nil {
					t.Height = max(t.Height, in.View.NewestVote(m.Identity))
				}
				s.Changed = true
			}
		case Returning:
			if t.Closed && s.back(in, t) {
				if f != nil {
					s.Back = append(s.Back, t.Validator)
				}
				s.Ledger.Drop(t.Validator)
				s.Changed = true
				i--
			}
		}
	}
}

// use marks a token as used; an ask by annotation is served by it.
func (s *Step) use(t *Token, now time.Time) {
	t.State, t.Since, t.Closed, t.Height = Used, now, false, 0
	s.Changed = true
}

// returned: a pod runs again, or the same one was not deleted after all.
func (in *Input) returned(t *Token, f *Validator) bool {
	if in.View.Total == 0 {
		return false
	}
	if f == nil {
		return true // no object: the chain alone says what it does
	}
	return f.PodState == PodRunning && !f.Disrupted && (f.PodUID != t.Pod || t.Closed)
}

// back says whether a token's power is seen again, and gives its lease back first.
func (s *Step) back(in *Input, t *Token) bool {
	if in.View.Total == 0 {
		return false
	}
	if f := in.find(t.Validator); f != nil && f.PodState != PodRunning {
		return false
	}
	m := in.member(t)
	if m == nil {
		return true // outside the set
	}
	if !in.View.SeenAbove(m.Identity, t.Height) {
		return false
	}
	if m.Leased && m.LeaseEnd == t.LeaseEnd {
		s.Leases = append(s.Leases, Lease{Validator: t.Validator, Member: *m, ExpectedEnd: m.LeaseEnd})
		return false
	}
	return true
}

// ends are the unused tokens that must not stay, and budgets that are open without one.
func ends(l *Ledger, in *Input) []End {
	var out []End
	for i := range l.Tokens {
		t := &l.Tokens[i]
		if t.State != Granted {
			continue
		}
		if why, tail := unwanted(l, in, t); why != "" {
			out = append(out, End{Validator: t.Validator, Why: why, Tail: tail})
		}
	}
	for i := range in.Fleet {
		f := &in.Fleet[i]
		if (f.Budget == BudgetOpen || f.Budget == BudgetOther) && l.Token(f.Name) == nil {
			out = append(out, End{Validator: f.Name, Why: "its budget is open and it has no token", Stray: true})
		}
	}
	return out
}

// unwanted says why an unused token ends. // rule: revoke-on-failure
func unwanted(l *Ledger, in *Input, t *Token) (why string, tail bool) {
	f := in.find(t.Validator)
	switch {
	case f == nil, f.Budget == BudgetTaken: // nothing of ours is open
		return "", false
	case in.Paused:
		return "reconciliation is paused", false
	case f.Ask == nil || served(l, f):
		return "nobody asks for it any more", false
	case f.Foreign != "":
		return "another budget, " + f.Foreign + ", selects its pod", false
	}
	if r := in.refuse(l, f); !r.OK() {
		return r.Reason + ": " + r.Message, false
	}
	if in.Now.Sub(t.Since) >= unusedLimit {
		for _, r := range l.Requests {
			if r.Validator != t.Validator && (r.Kind == Drain || t.Kind == Rollout) {
				return "unused for " + unusedLimit.String() + " while " + r.Validator + " waits", true
			}
		}
	}
	return "", false
}

func served(l *Ledger, f *Validator) bool {
	return f.Ask != nil && f.Ask.Annotation != "" && !f.Ask.Drained && l.Served[f.Name] == f.Ask.Annotation
}

// ask brings the queue up to date. // rule: token-request
func ask(s *Step, in *Input) {
	l := &s.Ledger
	for name, value := range l.Served {
		f := in.find(name)
		if f != nil && f.Ask == nil && (f.PodState == PodGoing || f.PodState == PodGone) {
			continue // without a pod nothing is asked; the same value may stand there still
		}
		if f == nil || f.Ask == nil || f.Ask.Annotation != value {
			delete(l.Served, name)
			s.Changed = true
		}
	}
	for i := len(l.Requests) - 1; i >= 0; i-- {
		if f := in.find(l.Requests[i].Validator); f == nil || f.Ask == nil || served(l, f) {
			l.dropRequest(l.Requests[i].Validator)
			s.Changed = true
		}
	}
	for i := range in.Fleet {
		f := &in.Fleet[i]
		if f.Ask == nil || served(l, f) {
			continue
		}
		if t := l.Token(f.Name); t != nil {
			s.again(in, t, f)
			continue
		}
		r := l.request(f.Name)
		if r == nil && len(l.Requests) < maxEntries {
			l.Requests = append(l.Requests, Request{f.Name, f.Ask.Kind, f.Ask.Reason, in.Now, l.turn()})
			s.Changed = true
		} else if r != nil && (r.Kind != f.Ask.Kind || r.Reason != f.Ask.Reason) {
			r.Kind, r.Reason = f.Ask.Kind, f.Ask.Reason
			s.Changed = true
		}
	}
}

// again: what came back is to go once more (a bad image, another node that is drained).
// It is counted as down already.
func (s *Step) again(in *Input, t *Token, f *Validator) {
	if t.State != Granted && f.Ask.Annotation != "" && s.Ledger.Served[f.Name] != f.Ask.Annotation {
		if s.Ledger.Served == nil {
			s.Ledger.Served = map[string]string{}
		}
		s.Ledger.Served[f.Name] = f.Ask.Annotation
		s.Changed = true
		return
	}
	once := f.Ask.Annotation != "" && !f.Ask.Drained
	if t.State == Granted || once || f.PodUID == t.Pod || f.PodState == PodGone || f.PodState == PodGoing {
		return
	}
	c := NewCount(&in.View, &s.Ledger, in.Fleet)
	if m := in.member(t); m != nil && m.Presence == Present && !c.Decide(m, in.Policy, f.explicit(&s.Ledger)).OK() {
		return
	}
	t.State, t.Pod, t.Kind, t.Reason, t.Since, t.Height, t.Closed = Granted, f.PodUID, f.Ask.Kind, f.Ask.Reason, in.Now, 0, false
	t.Again, s.Changed = true, true
}

// queue is the requests in the order in which they are served.
func queue(l *Ledger) []Request {
	q := append([]Request(nil), l.Requests...)
	sort.SliceStable(q, func(i, j int) bool {
		if q[i].Kind != q[j].Kind {
			return q[i].Kind == Drain
		}
		return q[i].Turn < q[j].Turn
	})
	return q
}

// grant gives tokens in order, and says why the others wait.
func grant(s *Step, in *Input) map[string]Refusal {
	refused := map[string]Refusal{}
	behind := ""
	for _, r := range queue(&s.Ledger) {
		f := in.find(r.Validator)
		why := in.refuse(&s.Ledger, f)
		if why.OK() && behind != "" {
			why = Refusal{"Queued", "it waits behind " + behind, true}
		}
		if !why.OK() {
			refused[r.Validator] = why
			if why.Waits && behind == "" {
				behind = r.Validator
			}
			continue
		}
		t := Token{Validator: f.Name, Pod: f.PodUID, Kind: r.Kind, Reason: r.Reason, Since: in.Now, State: Granted, Turn: r.Turn}
		if m := f.member(&in.View); m != nil {
			t.Member = m.ID
		}
		s.Ledger.dropRequest(f.Name)
		s.Ledger.Tokens = append(s.Ledger.Tokens, t)
		s.Changed = true
	}
	return refused
}

// refusals says why requests wait, without a grant.
func refusals(l *Ledger, in *Input) map[string]Refusal {
	out := map[string]Refusal{}
	for _, r := range l.Requests {
		if why := in.refuse(l, in.find(r.Validator)); !why.OK() {
			out[r.Validator] = why
		}
	}
	return out
}

// budgets says what is written open and closed. // rule: pdb-two-states
func budgets(s *Step, in *Input) {
	ending := map[string]bool{}
	for _, e := range s.Ends {
		ending[e.Validator] = true
	}
	for i := range in.Fleet {
		f := &in.Fleet[i]
		t := s.Ledger.Token(f.Name)
		switch {
		case ending[f.Name], f.Budget == BudgetTaken:
		case t != nil && t.State == Granted:
			if in.leased(s, t) && f.Budget != BudgetNone {
				if f.Budget != BudgetOpen {
					s.Open = append(s.Open, f.Name)
				}
				if t.Kind == Rollout {
					s.Evict = append(s.Evict, f.Name)
				}
			} else if f.Budget != BudgetClosed {
				s.Close = append(s.Close, f.Name)
			}
		case t != nil && !t.Closed, f.Budget == BudgetNone:
			s.Close = append(s.Close, f.Name)
		}
	}
}

// leased says whether a token may open: where others run validators too only under a
// lease of the chain, which it asks for. // rule: maintain
func (in *Input) leased(s *Step, t *Token) bool {
	m := in.member(t)
	if m == nil || !in.shared() {
		return true
	}
	if in.NoLeases {
		return m.Leased && m.LeaseEnd >= in.View.TimeMs+leaseSpareMs
	}
	held := m.Leased && (m.LeaseEnd == t.LeaseEnd || m.LeaseEnd == t.LeaseFrom)
	if !held || m.LeaseEnd < in.View.TimeMs+leaseSpareMs {
		again := len(t.Lease) > 0 && t.LeaseFrom == m.LeaseEnd && t.LeaseEnd >= in.View.TimeMs+leaseSpareMs
		s.Leases = append(s.Leases, Lease{Validator: t.Validator, Member: *m, ExpectedEnd: m.LeaseEnd, End: in.View.TimeMs + LeaseMs, Again: again})
	}
	return held
}

// Ended puts the outcome of a close-then-read into the ledger: an unused token goes, a
// used one stays, and what was used without one gets one. pod is the UID that was read.
func (s *Step) Ended(e End, used bool, pod string, in *Input) {
	l := &s.Ledger
	t := l.Token(e.Validator)
	s.Changed = s.Changed || t != nil || used
	if !used {
		if t == nil {
			return
		}
		if t.Again {
			s.use(t, in.Now)
			t.Closed = true
			return
		}
		if t.LeaseEnd > 0 { // others wait for that share: it goes back first. // rule: maintain
			t.State, t.Height, t.Closed = Returning, in.View.Height, true
			return
		}
		r := Request{t.Validator, t.Kind, t.Reason, in.Now, t.Turn}
		if e.Tail {
			r.Turn = l.turn()
		}
		l.Drop(e.Validator)
		if len(l.Requests) < maxEntries && l.request(r.Validator) == nil {
			l.Requests = append(l.Requests, r)
		}
		return
	}
	if t == nil {
		l.Tokens = append(l.Tokens, Token{Validator: e.Validator, Pod: pod, Kind: Drain, Reason: "evicted without a token"})
		t = &l.Tokens[len(l.Tokens)-1]
		if f := in.find(e.Validator); f != nil {
			t.Member = f.ID
		}
	}
	s.use(t, in.Now)
	t.Closed = true
}

// Closed notes that a budget was written closed after its token was used.
func (s *Step) Closed(validator string) {
	if t := s.Ledger.Token(validator); t != nil && t.State != Granted && !t.Closed {
		t.Closed, s.Changed = true, true
	}
}
