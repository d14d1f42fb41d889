package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Set is who validates, as of one node.
type Set struct {
	Epoch uint64
	// Height is that of the ledger's rows; TimeMs the newest block's time by the
	// node's own word (leases end by block time).
	Height uint64
	TimeMs uint64
	// TotalPower is the set's.
	TotalPower uint64
	// Members are the set, in its order.
	Members []Member
	// Outside are the candidates, the jailed, and those that enter with the next
	// epoch.
	Outside []Member
	// Ledger: the executor keeps validators, so that names, owners and leases are
	// known and `rotate` exists. Without it only keys, powers and Seen are.
	Ledger bool
}

// Member is a validator. In the set, Identity, ConsensusKey and Power are those of
// the present epoch, which alone say who signs; Row is what the ledger has of it,
// which may be of the epoch that follows.
type Member struct {
	Index        int // in the set; -1: outside
	Name         ledger.ID
	Moniker      string
	Identity     ledger.ID
	ConsensusKey []byte
	Power        uint64
	Row          ledger.Validator
	Seen         Seen
}

// Seen is what the node that was asked has seen of a validator of the set: its own
// word. // rule: seen
type Seen struct {
	// VoteHeight is the newest height of which it saw a vote, late ones included;
	// 0: none since its start.
	VoteHeight uint64
	VoteAge    time.Duration // since then
	Connected  bool
	// ConnectionAge is for how long it has been connected, or has not been.
	ConnectionAge time.Duration
}

// All are the members and those outside.
func (s *Set) All() []Member {
	return append(append(make([]Member, 0, len(s.Members)+len(s.Outside)), s.Members...), s.Outside...)
}

// Find is the validator of that name, nil if it is neither in the set nor outside.
func (s *Set) Find(name ledger.ID) *Member {
	for _, list := range [][]Member{s.Members, s.Outside} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// ByIdentity is the member of the set with that network identity, or nil.
func (s *Set) ByIdentity(identity ledger.ID) *Member {
	for i := range s.Members {
		if s.Members[i].Identity == identity {
			return &s.Members[i]
		}
	}
	return nil
}

// Set implements Client.
func (n *Nodes) Set(ctx context.Context, at Endpoint) (*Set, error) {
	status, err := n.Status(ctx, at)
	if err != nil {
		return nil, err
	}
	c, err := n.at(at)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, n.opt.Timeout)
	defer cancel()
	res, err := c.RPC().ListValidators(ctx, connect.NewRequest(&nodev1.ListValidatorsRequest{}))
	if err != nil {
		return nil, failed(at, "validators", err)
	}
	if err := c.Learn(ctx, res.Msg.Epoch); err != nil {
		return nil, failed(at, "validators", err)
	}
	epoch, ok := c.Chain().Epoch(res.Msg.Epoch)
	if !ok || len(epoch.Validators) != len(res.Msg.Validators) {
		return nil, fmt.Errorf("validators of %s: %w: it names %d of epoch %d, the certificate %d", at, client.ErrUnverified, len(res.Msg.Validators), res.Msg.Epoch, len(epoch.Validators))
	}
	s := &Set{Epoch: epoch.Number, TimeMs: status.FinalTimeMs}
	s.present(&epoch, res.Msg.Validators)
	rows, err := readRows(ctx, c, epoch.Number)
	if errors.As(err, new(*client.ExecutorError)) {
		return s, nil
	}
	if err != nil {
		return nil, failed(at, "validators", err)
	}
	s.join(rows)
	return s, nil
}

// present fills in what the epoch's certificate names, and what was seen.
func (s *Set) present(epoch *types.Epoch, seen []*nodev1.ValidatorStatus) {
	for i := range epoch.Validators {
		v, m := &epoch.Validators[i], seen[i]
		one := Member{Index: i, Moniker: m.Moniker, Identity: v.NetworkKey, ConsensusKey: v.ConsensusKey, Power: v.Power}
		if idOf(m.GetValidator().GetNetworkKey()) == one.Identity {
			one.Seen = Seen{VoteHeight: m.LastVoteHeight, VoteAge: milliseconds(m.LastVoteAgeMs), Connected: m.Connected, ConnectionAge: milliseconds(m.ConnectionAgeMs)}
		}
		s.TotalPower += v.Power
		s.Members = append(s.Members, one)
	}
}

// rows is what the ledger has of validators, at one height.
type rows struct {
	height uint64
	names  []ledger.ID
	values []ledger.Validator
	epoch  *ledger.Epoch // nil: not kept
}

// readRows reads and verifies all validators that have not left, and who stands
// behind the set of an epoch.
func readRows(ctx context.Context, c *client.Client, epoch uint64) (*rows, error) {
	list, err := c.Query(ctx, "validators", nil, 0, ledger.ValidatorsKey())
	if err != nil {
		return nil, err
	}
	r := &rows{height: list.Height}
	if list.Absent {
		return r, nil
	}
	if r.names, err = ledger.DecodeValidators(list.Value); err != nil {
		return nil, err
	}
	paths, keys := []string{fmt.Sprintf("epoch/%d", epoch)}, [][]byte{ledger.EpochKey(epoch)}
	for _, name := range r.names {
		paths, keys = append(paths, "validator/"+name.String()), append(keys, ledger.ValidatorKey(name))
	}
	found, err := c.QueryMany(ctx, paths, keys, list.Height)
	if err != nil {
		return nil, err
	}
	if !found[0].Absent {
		e, err := ledger.DecodeEpoch(found[0].Value)
		if err != nil {
			return nil, err
		}
		r.epoch = &e
	}
	for i := range found[1:] {
		v, err := ledger.DecodeValidator(found[1+i].Value)
		if err != nil {
			return nil, fmt.Errorf("validator %s: %w", r.names[i], err)
		}
		r.values = append(r.values, v)
	}
	return r, nil
}

// join puts names and rows to the members, and the others outside.
func (s *Set) join(r *rows) {
	s.Ledger, s.Height = true, r.height
	byIdentity := map[ledger.ID]ledger.ID{}
	for i := range r.names {
		byIdentity[r.values[i].Identity] = r.names[i]
	}
	if r.epoch != nil {
		for _, m := range r.epoch.Members {
			byIdentity[m.Identity] = m.Validator
		}
	}
	inSet := map[ledger.ID]int{}
	for i := range s.Members {
		m := &s.Members[i]
		if name, ok := byIdentity[m.Identity]; ok {
			m.Name, inSet[name] = name, i
		}
	}
	for i, name := range r.names {
		v := r.values[i]
		if at, ok := inSet[name]; ok {
			s.Members[at].Row, s.Members[at].Moniker = v, v.Moniker
			continue
		}
		s.Outside = append(s.Outside, memberOf(name, v))
	}
}

// memberOf is a validator outside the set.
func memberOf(name ledger.ID, v ledger.Validator) Member {
	return Member{Index: -1, Name: name, Moniker: v.Moniker, Identity: v.Identity, ConsensusKey: v.ConsensusKey, Power: v.Power, Row: v}
}
