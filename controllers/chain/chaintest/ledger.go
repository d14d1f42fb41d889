package chaintest

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"sort"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// Codes of the ledger, as ledger.CodeName has them.
const (
	codeMalformed     = 1
	codeWrongChain    = 2
	codeBadSignature  = 3
	codeUnknown       = 4
	codeBadNonce      = 10
	codeExpired       = 12
	codeBadConsent    = 42
	codeNotAuthorized = 43
	codeNoSuch        = 44
	codeStale         = 45
	codeKeyUsed       = 46
	codeWrongStatus   = 47
	codeNotReady      = 48
	codeTooFew        = 49
	codeTooMany       = 50
	codeOneNewcomer   = 51
	codeRotationLimit = 53
	codeMaintenance   = 54
	codeBadLease      = 55
	codeNothingToDo   = 60
)

const (
	maxCandidates = 64
	enough        = 4 // validators that tolerate a fault
)

// state is the ledger's.
type state struct {
	order      []ledger.ID // names, in the order in which they joined
	validators map[ledger.ID]*ledger.Validator
	holders    map[string]ledger.ID // key -> name
	authority  ledger.Authority
	nonces     map[ledger.Address]uint64
	window     uint64 // ms
	maxLease   uint64 // ms
}

// block is what a transaction executes in.
type block struct {
	height, timeMs uint64
	newcomer       bool
	genesis        [32]byte
}

// result is what a transaction did.
type result struct {
	code                uint32
	log                 string
	endsEpoch, newcomer bool
}

func refuse(code uint32, format string, args ...any) result {
	return result{code: code, log: fmt.Sprintf(format, args...)}
}

func newState(opt *Options) *state {
	s := &state{validators: map[ledger.ID]*ledger.Validator{}, holders: map[string]ledger.ID{}, nonces: map[ledger.Address]uint64{},
		window: uint64(opt.RotationWindow.Milliseconds()), maxLease: uint64(opt.MaxLease.Milliseconds()),
		authority: ledger.Authority{Threshold: uint16(opt.Threshold)}}
	for i := range opt.Keys {
		s.authority.Keys = append(s.authority.Keys, ledger.ID(opt.authorityKey(i).Public().(ed25519.PublicKey)))
	}
	sort.Slice(s.authority.Keys, func(i, j int) bool { return s.authority.Keys[i].String() < s.authority.Keys[j].String() })
	return s
}

func (s *state) genesis(identity ledger.ID, consensus []byte, moniker string, power uint64, owner ledger.Address, delegate ledger.ID) {
	name := ledger.ValidatorName(identity)
	s.order = append(s.order, name)
	s.validators[name] = &ledger.Validator{Status: ledger.StatusActive, Ready: true, Identity: identity, Owner: owner, Delegate: delegate, Power: power, ConsensusKey: consensus, Moniker: moniker}
	s.holders[string(identity[:])], s.holders[string(consensus)] = name, name
}

// check is what a pool asks: the parts of a verdict that need no execution, and
// whether a fee-free one would do anything.
func (s *state) check(t *ledger.Transaction, b block) result {
	body := t.Body.Encode()
	switch {
	case t.Body.Genesis != b.genesis:
		return refuse(codeWrongChain, "it is of the chain with genesis hash %x", t.Body.Genesis)
	case !ed25519.Verify(t.Body.Payer[:], body, t.Signature[:]):
		return refuse(codeBadSignature, "the payer's signature does not verify")
	case t.Body.ValidUntil != 0 && t.Body.ValidUntil <= b.height:
		return refuse(codeExpired, "it is valid until height %d, and the chain is at %d", t.Body.ValidUntil, b.height)
	}
	for _, c := range t.Authority {
		if !ed25519.Verify(c.Key[:], body, c.Signature[:]) {
			return refuse(codeBadSignature, "the signature of %s does not verify", c.Key)
		}
	}
	if r := consents(t, b); r.code != 0 {
		return r
	}
	payer := ledger.AddressOf(t.Body.Payer[:])
	if t.Body.Nonce != ledger.FeeFree {
		if t.Body.Nonce != s.nonces[payer] {
			return refuse(codeBadNonce, "nonce %d, the account's next is %d", t.Body.Nonce, s.nonces[payer])
		}
		return result{}
	}
	trial := s.clone()
	r := trial.apply(t, block{height: b.height + 1, timeMs: b.timeMs + 1, newcomer: b.newcomer, genesis: b.genesis})
	return result{code: r.code, log: r.log}
}

// consents verifies what new identities agreed to.
func consents(t *ledger.Transaction, b block) result {
	var err error
	switch o := t.Body.Operation.(type) {
	case ledger.Join:
		err = o.CheckConsent(b.genesis, t.Body.Payer)
	case ledger.Rotate:
		err = o.CheckConsent(b.genesis, t.Body.ValidUntil)
	}
	if err != nil {
		return refuse(codeBadConsent, "%v", err)
	}
	return result{}
}

func (s *state) clone() *state {
	c := *s
	c.order = slices.Clone(s.order)
	c.validators, c.holders, c.nonces = map[ledger.ID]*ledger.Validator{}, map[string]ledger.ID{}, map[ledger.Address]uint64{}
	for k, v := range s.validators {
		row := *v
		c.validators[k] = &row
	}
	for k, v := range s.holders {
		c.holders[k] = v
	}
	for k, v := range s.nonces {
		c.nonces[k] = v
	}
	return &c
}

// apply executes one transaction.
func (s *state) apply(t *ledger.Transaction, b block) result {
	if t.Body.Nonce != ledger.FeeFree {
		payer := ledger.AddressOf(t.Body.Payer[:])
		if t.Body.Nonce != s.nonces[payer] {
			return refuse(codeBadNonce, "nonce %d, the account's next is %d", t.Body.Nonce, s.nonces[payer])
		}
		s.nonces[payer]++
	}
	switch o := t.Body.Operation.(type) {
	case ledger.Join:
		return s.join(t, o, b)
	case ledger.Weigh:
		return s.weigh(t, o, b)
	case ledger.Ready:
		return s.about(o.Validator, func(v *ledger.Validator) result { return s.ready(t, v, o, b) })
	case ledger.Rotate:
		return s.about(o.Validator, func(v *ledger.Validator) result { return s.rotate(t, v, o, b) })
	case ledger.Delegate:
		return s.about(o.Validator, func(v *ledger.Validator) result { return s.delegate(t, v, o) })
	case ledger.Leave:
		return s.about(o.Validator, func(v *ledger.Validator) result { return s.leave(t, v, o, b) })
	case ledger.Maintain:
		return s.about(o.Validator, func(v *ledger.Validator) result { return s.maintain(t, v, o, b) })
	}
	return refuse(codeUnknown, "this chain knows no %s", ledger.OperationName(t.Body.Operation))
}

// about runs an operation on a validator that has not left.
func (s *state) about(name ledger.ID, f func(*ledger.Validator) result) result {
	v := s.validators[name]
	if v == nil || v.Status == ledger.StatusLeft {
		return refuse(codeNoSuch, "no validator has that name, or it has left")
	}
	return f(v)
}

// mayAct: by the owner, who pays, or the delegate, who does not.
func mayAct(t *ledger.Transaction, v *ledger.Validator) bool {
	if t.Body.Nonce == ledger.FeeFree {
		return !v.Delegate.IsZero() && ledger.ID(t.Body.Payer) == v.Delegate
	}
	return ledger.AddressOf(t.Body.Payer[:]) == v.Owner
}

// power sums the set, and those of it that a caller picks.
func (s *state) power(pick func(ledger.ID, *ledger.Validator) bool) (count int, total, picked uint64) {
	for name, v := range s.validators {
		if v.Status != ledger.StatusActive {
			continue
		}
		count++
		total += v.Power
		if pick != nil && pick(name, v) {
			picked += v.Power
		}
	}
	return count, total, picked
}
