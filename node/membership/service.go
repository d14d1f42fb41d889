package membership

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// Interval is how long after one round the next begins.
const Interval = 2 * time.Second

// roundTimeout bounds the queries and submissions of one round.
const roundTimeout = 10 * time.Second

// validFor is for how many heights a transaction is valid; its last height is
// rounded, so that repeats within a while are the same bytes.
const validFor = 256

// Row is what a query of the ledger answered.
type Row struct {
	Code   uint32 // not 0: the executor has no such query
	Value  []byte
	Absent bool
	Height uint64 // of the state
}

// Self is what the ledger says of the validator that this node's identity
// belongs to.
type Self struct {
	Name      ledger.ID
	Validator ledger.Validator
	Height    uint64 // of the state that was read
	NotSynced string // why the node is not caught up; empty: it is
}

// Duty is something that the ledger expects to hear of the node.
type Duty interface {
	// Name names it in logs.
	Name() string
	// Due answers what is to be said now.
	Due(ctx context.Context, self *Self) (Statement, error)
}

// Statement is what a duty has to say, or why it has nothing to.
type Statement struct {
	Operation ledger.Operation // nil: nothing
	Why       string
	// About is the height of what it is said about, 0: none. The same words about
	// something else are another transaction: a pool takes none twice.
	About uint64
}

// Config is what a Service is made of. Tick is for tests; nil: every Interval.
type Config struct {
	Genesis  [32]byte
	Identity ed25519.PrivateKey // network identity: payer of what is submitted
	// Query reads the newest final state.
	Query func(ctx context.Context, path string) (Row, error)
	// Submit gives a transaction to the pool: not accepted with the reason.
	Submit func(ctx context.Context, tx []byte) (accepted bool, reason string, err error)
	// NotSynced is why the node is not caught up; empty: it is.
	NotSynced func() string
	Duties    []Duty
	Log       *slog.Logger
	Tick      <-chan time.Time
}

// Service does the duties of one node.
type Service struct {
	cfg  Config
	self ledger.ID
	said map[string]string // duty -> what was logged last
}

// New makes a service; Run runs it.
func New(cfg Config) (*Service, error) {
	if len(cfg.Identity) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("membership: network identity of %d bytes, want an Ed25519 private key of %d", len(cfg.Identity), ed25519.PrivateKeySize)
	}
	return &Service{cfg: cfg, self: ledger.ID(cfg.Identity.Public().(ed25519.PublicKey)), said: map[string]string{}}, nil
}

// Run does the duties until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := s.cfg.Tick
	if tick == nil {
		ticker := time.NewTicker(Interval)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		within, cancel := context.WithTimeout(ctx, roundTimeout)
		if err := s.round(within); err != nil && ctx.Err() == nil {
			s.say("round", slog.LevelWarn, "duties of this node's validator not done", "error", err)
		}
		cancel()
	}
}

// errNone says that the identity is no validator's, or the executor knows none.
var errNone = errors.New("this node's identity is no validator's")

// round asks who this node is and does what is due.
func (s *Service) round(ctx context.Context) error {
	self, err := s.read(ctx)
	if errors.Is(err, errNone) {
		return nil
	}
	if err != nil {
		return err
	}
	var all error
	for _, duty := range s.cfg.Duties {
		if err := s.do(ctx, duty, self); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", duty.Name(), err))
		}
	}
	return all
}

// read finds the validator whose present identity is this node's.
func (s *Service) read(ctx context.Context) (*Self, error) {
	holder, err := s.cfg.Query(ctx, "key_holder/"+s.self.String())
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask the ledger for this identity: %w", err)
	case holder.Code != 0 || holder.Absent:
		return nil, errNone
	case len(holder.Value) != len(ledger.ID{}):
		return nil, errNone // another executor's, with a path of the same name
	}
	self := &Self{Name: ledger.ID(holder.Value)}
	row, err := s.cfg.Query(ctx, "validator/"+self.Name.String())
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask the ledger for validator %s: %w", self.Name, err)
	case row.Code != 0 || row.Absent:
		return nil, errNone
	}
	if self.Validator, err = ledger.DecodeValidator(row.Value); err != nil {
		return nil, fmt.Errorf("read validator %s: %w", self.Name, err)
	}
	if self.Validator.Identity != s.self {
		return nil, errNone // it was rotated away. rule: identity-once
	}
	self.Height, self.NotSynced = row.Height, s.cfg.NotSynced()
	return self, nil
}

func (s *Service) do(ctx context.Context, duty Duty, self *Self) error {
	due, err := duty.Due(ctx, self)
	if err != nil {
		return err
	}
	if due.Operation == nil {
		s.say(duty.Name(), slog.LevelDebug, "nothing to tell the ledger", "duty", duty.Name(), "validator", self.Name, "reason", due.Why)
		return nil
	}
	tx, err := ledger.Sign(s.cfg.Identity, ledger.FeeFreeBody(s.cfg.Genesis, (self.Height/validFor+2)*validFor+due.About%validFor, due.Operation))
	if err != nil {
		return err
	}
	accepted, reason, err := s.cfg.Submit(ctx, tx)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	if accepted {
		s.say(duty.Name(), slog.LevelInfo, "told the ledger", "duty", duty.Name(), "validator", self.Name)
	} else {
		s.say(duty.Name(), slog.LevelWarn, "the ledger cannot be told: will try again", "duty", duty.Name(), "validator", self.Name, "reason", reason)
	}
	return nil
}

// say logs what differs from what was said of the same thing last.
func (s *Service) say(what string, level slog.Level, text string, args ...any) {
	line := fmt.Sprint(append([]any{text}, args...)...)
	if s.said[what] == line {
		return
	}
	s.said[what] = line
	s.cfg.Log.Log(context.Background(), level, text, args...)
}
