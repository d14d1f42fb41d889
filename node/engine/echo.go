package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// echoInterval is how long after a round that reached no quorum the next begins.
const echoInterval = 250 * time.Millisecond

// maxEchoMessages bounds one answer.
const maxEchoMessages = 32

// echo asks the validators for the newest signatures of the own key before
// anything is signed. // rule: own-echo
type echo struct {
	e     *Engine
	asked chan struct{} // holds one token: ask about the present epoch

	foreign sync.Once // answers are judged side by side, the identity goes once
}

func newEcho(e *Engine) *echo {
	ec := &echo{e: e, asked: make(chan struct{}, 1)}
	if e.cfg.Signer != nil {
		ec.asked <- struct{}{}
	}
	return ec
}

// held reports whether signing waits for an answer still. On the loop only.
func (ec *echo) held() bool {
	_, held := ec.e.signing.closed[gateEcho]
	return held
}

// askAnew asks again for an epoch that was entered before the first passed.
func (ec *echo) askAnew() {
	if !ec.held() {
		return
	}
	select {
	case ec.asked <- struct{}{}:
	default: // whoever takes the token asks about the present epoch
	}
}

func (ec *echo) run() {
	for {
		select {
		case <-ec.e.ctx.Done():
			return
		case <-ec.asked:
			ec.pass()
		}
	}
}

// pass asks until a quorum of the present epoch has answered. Once it is passed
// nobody is asked again: the answers would hold what was signed since.
func (ec *echo) pass() {
	var number uint64
	var answered map[int]bool
	for {
		var epoch *types.Epoch
		var held bool
		if err := ec.e.call(ec.e.ctx, func() { epoch, held = ec.e.epochs[ec.e.epoch], ec.held() }); err != nil || epoch == nil || !held {
			return
		}
		self, member := epoch.IndexOfNetworkKey([32]byte(ec.e.cfg.Consensus.NetworkKey))
		if !member {
			return // the next epoch entered asks anew
		}
		if number != epoch.Number {
			number, answered = epoch.Number, map[int]bool{self: true}
		}
		ec.round(epoch, self, answered)
		if epoch.IsQuorum(powerOf(epoch, answered)) {
			ec.e.postCall(func() { ec.passed(number, len(answered)) })
			return
		}
		select {
		case <-ec.e.ctx.Done():
			return
		case <-ec.asked:
		case <-time.After(echoInterval):
		}
	}
}

func powerOf(epoch *types.Epoch, members map[int]bool) (power uint64) {
	for i := range members {
		power += epoch.Validators[i].Power
	}
	return power
}

func (ec *echo) passed(number uint64, answers int) {
	if number != ec.e.epoch {
		ec.askAnew()
		return
	}
	ec.e.log.Info("own-echo passed: no peer holds newer signatures of this key", "epoch", number, "answers", answers-1)
	ec.e.openGate(gateEcho)
}

// round asks every validator that has not answered, all at once.
func (ec *echo) round(epoch *types.Epoch, self int, answered map[int]bool) {
	request := binary.LittleEndian.AppendUint64(nil, epoch.Number)
	request = append(request, ec.e.cfg.Consensus.ConsensusKey...)
	ctx, cancel := context.WithTimeout(ec.e.ctx, protocolEcho.Timeout)
	defer cancel()
	var left []int
	for i := range epoch.Validators {
		if i != self && !answered[i] {
			left = append(left, i)
		}
	}
	var mu sync.Mutex // of answered, while they are asked
	var wg sync.WaitGroup
	for _, i := range left {
		wg.Go(func() {
			id := p2p.PeerID(epoch.Validators[i].NetworkKey)
			answer, err := ec.e.cfg.Transport.Request(ctx, id, protocolEcho, request)
			if err != nil {
				return
			}
			if err := ec.judge(answer); err != nil {
				ec.e.log.Warn("own-echo: answer not used", "peer", id.Short(), "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if answered[i] = true; epoch.IsQuorum(powerOf(epoch, answered)) {
				cancel() // a peer that is down must not hold up the start
			}
		})
	}
	wg.Wait()
}

// judge looks at the messages in an answer. One that verifies and that the own
// SafetyState does not account for proves a disk that was rolled back.
func (ec *echo) judge(answer []byte) error {
	items, err := splitPrefixed(answer, maxEchoMessages)
	if err != nil {
		return err
	}
	for _, encoded := range items {
		message, err := wire.DecodeMessage(encoded)
		if err != nil {
			return err
		}
		reason := ec.unaccounted(&message)
		var unknown, held bool
		if err := ec.e.call(ec.e.ctx, func() { unknown, held = ec.later(&message), ec.held() }); err != nil {
			return err
		}
		switch {
		case !held:
			return errors.New("it came after own-echo had passed")
		case unknown:
			// A signature may prove a disk that was rolled back; the start of a later
			// epoch says that what was heard in this one is gone. Whoever sent it is
			// asked again when that epoch is entered.
			return fmt.Errorf("it is of epoch %d, where this node is not yet", message.Epoch())
		case reason != "":
			ec.setAside(reason)
			return fmt.Errorf("a newer signature of this key: %s", reason)
		}
	}
	return nil
}

func (ec *echo) setAside(reason string) {
	ec.foreign.Do(func() {
		ec.e.log.Error("volume is foreign: peers hold newer signatures of this key than the vote log accounts for",
			"rule", "volume-foreign", "reason", reason,
			"do", "this identity is set aside; let the validator's owner rotate to the new one")
		if ec.e.cfg.OnForeign != nil {
			ec.e.cfg.OnForeign(reason)
		}
		ec.e.fail(fmt.Errorf("volume-foreign: %s", reason))
	})
}

// later reports a message of an epoch above the present one whose set is not
// known here, or that its sender is in such an epoch.
func (ec *echo) later(m *types.Message) bool {
	if m.Epoch() <= ec.e.epoch {
		return false
	}
	if m.EpochStart != nil {
		return true
	}
	_, err := ec.e.sets.of(m.Epoch())
	return err != nil
}

// unaccounted reports what in a message of the own key the SafetyState at start
// does not account for; empty if nothing does or if it is not the key's. Nothing
// has been signed since the start, so that state is the newest.
func (ec *echo) unaccounted(m *types.Message) string {
	set, err := ec.e.sets.of(m.Epoch())
	if err != nil {
		return "" // an epoch that is not known here cannot be judged
	}
	epoch := &set.Epoch
	index, ok := epoch.IndexOfNetworkKey([32]byte(ec.e.cfg.Consensus.NetworkKey))
	if !ok || string(epoch.Validators[index].ConsensusKey) != string(ec.e.cfg.Consensus.ConsensusKey) {
		return "" // a brought key may be live elsewhere, with another identity
	}
	if signed, validator, signature, ok := signedPart(m); ok {
		if int(validator) != index || !set.VerifyVote(uint32(index), signed, signature) {
			return ""
		}
		return beyond(ec.e.recorded(), epoch.Number, m)
	}
	history, err := ec.e.sets.history(epoch.Number)
	if err != nil {
		return ""
	}
	root := types.Root{Height: history.RootOutcome.Height, Block: history.RootOutcome.Block}
	for _, vote := range votesIn(set, root, index, m) {
		if why := beyond(ec.e.recorded(), epoch.Number, &vote); why != "" {
			return why + ", inside a certificate"
		}
	}
	return ""
}

// votesIn gives what a validator signed of a valid certificate, whose scheme may
// not keep signatures apart.
func votesIn(set *types.ValidatorSet, root types.Root, index int, m *types.Message) []types.Message {
	in := func(a *types.Aggregate) bool {
		signers, _, err := set.SignersOf(a)
		return err == nil && slices.Contains(signers, index)
	}
	var votes []types.Message
	switch {
	case m.QC != nil && m.QC.Prepares != nil && in(m.QC.Prepares) && set.VerifyQC(m.QC, root) == nil:
		q := m.QC
		votes = append(votes, types.Message{Prepare: &types.SignedPrepare{Epoch: q.Epoch, Vote: types.Prepare{View: q.View, Height: q.Height, Block: q.Block}}})
	case m.CC != nil && in(&m.CC.Commits) && set.VerifyCC(m.CC) == nil:
		c := m.CC
		votes = append(votes, types.Message{Commit: &types.SignedCommit{Epoch: c.Epoch,
			Vote: types.Commit{View: c.View, Height: c.Height, Block: c.Block, Outcome: c.Outcome.Hash()}}})
	case m.TC != nil && set.VerifyTC(m.TC, root) == nil:
		for k := range m.TC.Groups {
			if g := &m.TC.Groups[k]; in(&g.Sigs) {
				votes = append(votes, types.Message{Timeout: &types.SignedTimeout{Epoch: m.TC.Epoch, Vote: types.Timeout{View: m.TC.View, HighView: g.HighView}}})
			}
		}
	}
	return votes
}

// signedPart takes a vote or proposal apart.
func signedPart(m *types.Message) (types.Signable, uint32, []byte, bool) {
	switch {
	case m.Proposal != nil:
		p := m.Proposal
		return types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}, p.Proposer, p.Signature, true
	case m.Prepare != nil:
		return m.Prepare.Vote, m.Prepare.Validator, m.Prepare.Signature, true
	case m.Commit != nil:
		return m.Commit.Vote, m.Commit.Validator, m.Commit.Signature, true
	case m.Timeout != nil:
		return m.Timeout.Vote, m.Timeout.Validator, m.Timeout.Signature, true
	}
	return nil, 0, nil, false
}

// beyond says what a signature shows that state does not account for: a later
// epoch, a higher view of its kind, or the same view with something else in it.
func beyond(state *types.SafetyState, epoch uint64, m *types.Message) string {
	if state == nil {
		state = &types.SafetyState{}
	}
	if epoch != state.Epoch {
		if epoch > state.Epoch {
			return fmt.Sprintf("a signature of epoch %d, the vote log ends in epoch %d", epoch, state.Epoch)
		}
		return ""
	}
	var commitView uint64
	var commit types.Commit
	if state.Commit != nil {
		commitView, commit = state.Commit.View, *state.Commit
	}
	higher := func(kind string, signed, known uint64) string {
		if signed > known {
			return fmt.Sprintf("a %s of view %d, the vote log knows %d", kind, signed, known)
		}
		return ""
	}
	switch {
	case m.Proposal != nil && m.Proposal.Kind == types.KindProposeOptimistic:
		return higher("optimistic proposal", m.Proposal.View, state.OptimisticView)
	case m.Proposal != nil:
		return higher("proposal", m.Proposal.View, state.ProposedView)
	case m.Prepare != nil:
		if v := m.Prepare.Vote; v.View == state.VotedView && v.Block != state.VotedBlock {
			return fmt.Sprintf("a prepare vote of view %d for another block", v.View)
		}
		return higher("prepare vote", m.Prepare.Vote.View, state.VotedView)
	case m.Commit != nil:
		if v := m.Commit.Vote; v.View == commitView && v != commit {
			return fmt.Sprintf("a commit vote of view %d for another block or outcome", v.View)
		}
		return higher("commit vote", m.Commit.Vote.View, commitView)
	case m.Timeout != nil:
		return higher("timeout", m.Timeout.Vote.View, state.TimeoutView)
	}
	return ""
}

// serveEcho answers with what this node holds, in whatever state it is itself.
func (e *Engine) serveEcho(ctx context.Context, from p2p.PeerID, request []byte) ([]byte, error) {
	if len(request) < 8 {
		return nil, fmt.Errorf("request of %d bytes, want at least 8", len(request))
	}
	key := request[8:]
	var messages []types.Message
	epoch := binary.LittleEndian.Uint64(request)
	if err := e.call(ctx, func() { messages = e.core.Newest(epoch, consensus.Peer(from), key) }); err != nil {
		return nil, err
	}
	var answer []byte
	for i := range messages { // far fewer than maxEchoMessages
		answer = appendPrefixed(answer, wire.EncodeMessage(&messages[i]))
	}
	return answer, nil
}

// openGate lifts one reason not to sign and tells the core.
func (e *Engine) openGate(g gate) {
	e.signing.open(g)
	e.step(e.signing.event())
}

// closeGate holds signing back for a reason.
func (e *Engine) closeGate(g gate, reason string) {
	e.signing.block(g, reason)
	e.step(e.signing.event())
}
