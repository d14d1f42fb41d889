package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// Key is the ledger's key in its ConfigMap.
const Key = "ledger.json"

const (
	version    = 1
	maxEntries = 256 // of each list: as many as a chain has validators
	maxBytes   = 512 << 10
)

// ErrGarbled says that a ledger cannot be read. Nothing is granted then.
// rule: token-ledger
var ErrGarbled = errors.New("the token ledger cannot be read")

// Kind is what a token is asked for.
type Kind string

// Values of Kind.
const (
	Drain   Kind = "Drain"
	Rollout Kind = "Rollout"
)

// State is how far a token is.
type State string

// Values of State.
const (
	// Granted: its budget may be open, its pod may be evicted; unused as far as is known.
	Granted State = "Granted"
	// Used: its pod was evicted, or is going.
	Used State = "Used"
	// Returning: its pod is back; it is down until its votes are seen above Height.
	Returning State = "Returning"
)

// Token is the right to take one validator down. It is durable before anything opens.
type Token struct {
	Validator string    `json:"validator"`
	Member    ledger.ID `json:"member"`        // on chain; zero: it was in no set
	Pod       string    `json:"pod,omitempty"` // UID at the grant
	Kind      Kind      `json:"kind"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"` // granted, or found used
	State     State     `json:"state"`
	Height    uint64    `json:"height,omitempty"` // Returning: of its return
	Turn      uint64    `json:"turn,omitempty"`   // that its request had
	// Closed: its budget was written closed since it was used.
	Closed bool `json:"closed,omitempty"`
	// Again: it was granted once more before its votes were seen, so that unused it does
	// not end: it goes on returning.
	Again bool `json:"again,omitempty"`
	// Lease on chain, where other operators run validators too: signed and stored before
	// it is sent.
	Lease     []byte `json:"lease,omitempty"`
	LeaseFrom uint64 `json:"leaseFrom,omitempty"` // end of the lease that it follows
	LeaseEnd  uint64 `json:"leaseEnd,omitempty"`
}

// Request waits for a token.
type Request struct {
	Validator string    `json:"validator"`
	Kind      Kind      `json:"kind"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
	// Turn orders equal kinds: the lower goes first.
	Turn uint64 `json:"turn"`
}

// Ledger is a network's tokens and requests.
type Ledger struct {
	Version  int       `json:"version"`
	Tokens   []Token   `json:"tokens,omitempty"`
	Requests []Request `json:"requests,omitempty"`
	// Served are the asks by annotation that were done: each value is done once.
	Served map[string]string `json:"served,omitempty"`
	// Turns is the last one given.
	Turns uint64 `json:"turns,omitempty"`
}

// Empty is a ledger without tokens.
func Empty() Ledger { return Ledger{Version: version} }

// Parse reads a ledger strictly.
func Parse(data string) (Ledger, error) {
	if len(data) > maxBytes {
		return Ledger{}, fmt.Errorf("%w: %d bytes", ErrGarbled, len(data))
	}
	var l Ledger
	d := json.NewDecoder(bytes.NewReader([]byte(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Ledger{}, fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Ledger{}, fmt.Errorf("%w: something follows it", ErrGarbled)
	}
	if err := l.check(); err != nil {
		return Ledger{}, fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	return l, nil
}

func (l *Ledger) check() error {
	if l.Version != version {
		return fmt.Errorf("version %d, not %d", l.Version, version)
	}
	if len(l.Tokens) > maxEntries || len(l.Requests) > maxEntries || len(l.Served) > maxEntries {
		return fmt.Errorf("more than %d entries", maxEntries)
	}
	seen := map[string]bool{}
	for _, t := range l.Tokens {
		if t.Validator == "" || seen[t.Validator] {
			return fmt.Errorf("two tokens of validator %q", t.Validator)
		}
		seen[t.Validator] = true
		if t.State != Granted && t.State != Used && t.State != Returning {
			return fmt.Errorf("token of %s in state %q", t.Validator, t.State)
		}
		if t.Kind != Drain && t.Kind != Rollout {
			return fmt.Errorf("token of %s of kind %q", t.Validator, t.Kind)
		}
	}
	clear(seen)
	for _, r := range l.Requests {
		if r.Validator == "" || seen[r.Validator] || r.Kind != Drain && r.Kind != Rollout {
			return fmt.Errorf("request of validator %q", r.Validator)
		}
		seen[r.Validator] = true
	}
	return nil
}

// Encode writes a ledger.
func (l *Ledger) Encode() (string, error) {
	if err := l.check(); err != nil {
		return "", fmt.Errorf("write the token ledger: %w", err)
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("write the token ledger: %w", err)
	}
	if len(raw) > maxBytes { // nobody could read it
		return "", fmt.Errorf("write the token ledger: it would have %d bytes, at most %d are read", len(raw), maxBytes)
	}
	return string(raw), nil
}

// Clone is a copy that shares nothing that is changed in place.
func (l *Ledger) Clone() Ledger {
	c := *l
	c.Tokens = append([]Token(nil), l.Tokens...)
	c.Requests = append([]Request(nil), l.Requests...)
	c.Served = make(map[string]string, len(l.Served))
	for k, v := range l.Served {
		c.Served[k] = v
	}
	return c
}

// Token is a validator's, or nil.
func (l *Ledger) Token(validator string) *Token {
	for i := range l.Tokens {
		if l.Tokens[i].Validator == validator {
			return &l.Tokens[i]
		}
	}
	return nil
}

// Drop takes a validator's token out.
func (l *Ledger) Drop(validator string) {
	for i := range l.Tokens {
		if l.Tokens[i].Validator == validator {
			l.Tokens = append(l.Tokens[:i:i], l.Tokens[i+1:]...)
			return
		}
	}
}

func (l *Ledger) request(validator string) *Request {
	for i := range l.Requests {
		if l.Requests[i].Validator == validator {
			return &l.Requests[i]
		}
	}
	return nil
}

func (l *Ledger) dropRequest(validator string) {
	for i := range l.Requests {
		if l.Requests[i].Validator == validator {
			l.Requests = append(l.Requests[:i:i], l.Requests[i+1:]...)
			return
		}
	}
}

// turn gives the next place at the tail.
func (l *Ledger) turn() uint64 {
	l.Turns++
	return l.Turns
}

// Recovered is the ledger of a network whose chain runs and whose ledger is gone:
// every validator counts as down until its votes are seen. // rule: token-ledger
func Recovered(fleet []Validator, now time.Time) Ledger {
	l := Empty()
	for _, v := range fleet {
		if len(l.Tokens) < maxEntries {
			l.Tokens = append(l.Tokens, Token{Validator: v.Name, Member: v.ID, Kind: Drain, Reason: "the token ledger was made anew", Since: now, State: Used})
		}
	}
	return l
}
