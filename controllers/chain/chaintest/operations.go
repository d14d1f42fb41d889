package chaintest

import "github.com/bedrock-bft/bedrock/client/ledger"

func (s *state) join(t *ledger.Transaction, o ledger.Join, b block) result {
	for _, k := range [][]byte{o.Identity[:], o.ConsensusKey} { // rule: identity-once
		if _, ok := s.holders[string(k)]; ok {
			return refuse(codeKeyUsed, "the identity or the consensus key is or was a validator's: make new ones")
		}
	}
	candidates := 0
	for _, v := range s.validators {
		if v.Status == ledger.StatusCandidate {
			candidates++
		}
	}
	if candidates >= maxCandidates {
		return refuse(codeTooMany, "there are %d candidates", candidates)
	}
	name := ledger.ValidatorName(o.Identity)
	s.order = append(s.order, name)
	s.validators[name] = &ledger.Validator{Status: ledger.StatusCandidate, Identity: o.Identity, Owner: ledger.AddressOf(t.Body.Payer[:]),
		Since: b.height, ConsensusKey: o.ConsensusKey, Possession: o.Possession, Moniker: o.Moniker}
	s.holders[string(o.Identity[:])], s.holders[string(o.ConsensusKey)] = name, name
	return result{}
}

func (s *state) ready(t *ledger.Transaction, v *ledger.Validator, o ledger.Ready, b block) result {
	switch {
	case ledger.ID(t.Body.Payer) != o.Identity || v.Identity != o.Identity:
		return refuse(codeNotAuthorized, "the payer is not the validator's present identity")
	case v.Ready:
		return refuse(codeNothingToDo, "it is known to be ready")
	case v.Status == ledger.StatusJailed && v.Rotated == 0:
		return refuse(codeWrongStatus, "it is jailed, and was not rotated since")
	case v.Status == ledger.StatusCandidate && v.Since >= b.height:
		return refuse(codeWrongStatus, "it was named in this very block")
	}
	v.Ready = true
	return result{}
}

func (s *state) delegate(t *ledger.Transaction, v *ledger.Validator, o ledger.Delegate) result {
	if ledger.AddressOf(t.Body.Payer[:]) != v.Owner {
		return refuse(codeNotAuthorized, "the payer is not the validator's owner")
	}
	v.Delegate = o.Delegate
	return result{}
}

func (s *state) rotate(t *ledger.Transaction, v *ledger.Validator, o ledger.Rotate, b block) result {
	if !mayAct(t, v) {
		return refuse(codeNotAuthorized, "the payer is neither the validator's owner nor its delegate")
	}
	if v.Identity != o.Expected {
		return refuse(codeStale, "the validator has another identity now")
	}
	_, usedID := s.holders[string(o.Identity[:])]
	_, usedKey := s.holders[string(o.ConsensusKey)]
	kept := string(v.ConsensusKey) == string(o.ConsensusKey) && v.Status != ledger.StatusJailed
	if usedID || usedKey && !kept {
		return refuse(codeKeyUsed, "the identity or the consensus key is or was a validator's: make new ones")
	}
	if r := s.withinWindow(v, o.Validator, b); v.Status == ledger.StatusActive && r.code != 0 {
		return r
	}
	active := v.Status == ledger.StatusActive
	v.Identity, v.ConsensusKey, v.Possession, v.Rotated, v.Ready = o.Identity, o.ConsensusKey, o.Possession, b.timeMs, active
	s.holders[string(o.Identity[:])], s.holders[string(o.ConsensusKey)] = o.Validator, o.Validator
	return result{endsEpoch: active}
}

func (s *state) withinWindow(v *ledger.Validator, name ledger.ID, b block) result {
	if s.window == 0 {
		return result{}
	}
	count, total, picked := s.power(func(n ledger.ID, o *ledger.Validator) bool {
		return n == name || o.Rotated > 0 && o.Rotated+s.window > b.timeMs
	})
	if count < enough || 3*picked < total {
		return result{}
	}
	return refuse(codeRotationLimit, "power %d of %d would have been rotated within %d ms, and a third at once is too much", picked, total, s.window)
}

func (s *state) leave(t *ledger.Transaction, v *ledger.Validator, o ledger.Leave, b block) result {
	if !mayAct(t, v) {
		return refuse(codeNotAuthorized, "the payer is neither the validator's owner nor its delegate")
	}
	if v.Identity != o.Expected {
		return refuse(codeStale, "the validator has another identity now")
	}
	active := v.Status == ledger.StatusActive
	if active {
		if count, _, _ := s.power(nil); !mayRemain(count, count-1, o.Flags) {
			return refuse(codeTooFew, "%d validators would remain of %d", count-1, count)
		}
	}
	gone(v, b)
	return result{endsEpoch: active}
}

func gone(v *ledger.Validator, b block) {
	v.Status, v.Power, v.LeaseEnd, v.Ready, v.Since = ledger.StatusLeft, 0, 0, false, b.height
}

func mayRemain(before, after int, flags ledger.Flags) bool {
	return after > 0 && (after >= enough || after >= before || flags&ledger.AllowFewer != 0)
}

func (s *state) maintain(t *ledger.Transaction, v *ledger.Validator, o ledger.Maintain, b block) result {
	switch {
	case !mayAct(t, v):
		return refuse(codeNotAuthorized, "the payer is neither the validator's owner nor its delegate")
	case v.LeaseEnd != o.ExpectedEnd:
		return refuse(codeStale, "the validator's lease ends at %d, not at %d", v.LeaseEnd, o.ExpectedEnd)
	case o.End == 0 && v.LeaseEnd <= b.timeMs:
		return refuse(codeNothingToDo, "the lease is over since %d", v.LeaseEnd)
	case o.End == 0:
		v.LeaseEnd = b.timeMs
		return result{}
	case v.Status != ledger.StatusActive:
		return refuse(codeWrongStatus, "it is not in the set: there is nothing to lease")
	case o.End <= b.timeMs || o.End-b.timeMs > s.maxLease:
		return refuse(codeBadLease, "a lease ends after the block (%d) and at most %d ms later, not at %d", b.timeMs, s.maxLease, o.End)
	}
	_, total, picked := s.power(func(n ledger.ID, m *ledger.Validator) bool { return n == o.Validator || m.LeaseEnd > b.timeMs })
	if 3*picked >= total {
		return refuse(codeMaintenance, "power %d of %d would be under maintenance, a third or more", picked, total)
	}
	v.LeaseEnd = o.End
	return result{}
}

func (s *state) weigh(t *ledger.Transaction, o ledger.Weigh, b block) result {
	signed := 0
	for _, c := range t.Authority {
		for _, k := range s.authority.Keys {
			if k == c.Key {
				signed++
			}
		}
	}
	if signed < int(s.authority.Threshold) {
		return refuse(codeNotAuthorized, "%d of %d signatures of the authority", signed, s.authority.Threshold)
	}
	next := s.clone()
	r := next.weighed(o, b)
	if r.code == 0 {
		s.validators = next.validators
	}
	return r
}

func (s *state) weighed(o ledger.Weigh, b block) (r result) {
	before, _, _ := s.power(nil)
	for _, w := range o.Weights {
		v := s.validators[w.Validator]
		if v == nil || v.Status == ledger.StatusLeft {
			return refuse(codeNoSuch, "no validator has one of these names, or it has left")
		}
		r.endsEpoch = r.endsEpoch || v.Power != w.Power
		switch {
		case w.Power == 0:
			gone(v, b)
		case v.Status == ledger.StatusActive:
			v.Power = w.Power
		case b.newcomer || r.newcomer:
			return refuse(codeOneNewcomer, "an epoch takes one newcomer: weigh the next in another block")
		case !v.Ready:
			return refuse(codeNotReady, "the newcomer is not ready, or jailed and not rotated since")
		default:
			v.Status, v.Power, v.Since, r.newcomer = ledger.StatusActive, w.Power, b.height, true
		}
	}
	if after, _, _ := s.power(nil); !mayRemain(before, after, o.Flags) {
		return refuse(codeTooFew, "%d validators would remain of %d", after, before)
	}
	return r
}
