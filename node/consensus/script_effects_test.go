package consensus

import (
	"fmt"
	"strings"

	"github.com/bedrock-bft/bedrock/node/types"
)

// effect is one line for an effect.
func (s *script) effect(x Effect) string {
	switch x := x.(type) {
	case Persist:
		return s.persisted(x)
	case Sign:
		return "sign " + s.message(x.Message)
	case Multicast:
		if x.To == BothEpochs {
			return "multicast to both epochs " + s.message(x.Message)
		}
		return "multicast " + s.message(x.Message)
	case Send:
		return "send to " + s.peer(x.To) + " " + s.message(x.Message)
	case BuildBlock:
		s.late, s.build = s.build, x
		kind := map[types.Kind]string{1: "optimistic", 2: "normal", 3: "fallback"}[x.Kind]
		out := fmt.Sprintf("build %s view=%d height=%d on %s", kind, x.View, x.Height, s.name(x.Parent))
		if len(x.InFlight) > 0 {
			out += " without what is in " + s.blockNames(x.InFlight)
		}
		if x.Empty {
			out += " empty"
		} else if x.MayBeEmpty {
			out += " may be empty"
		}
		return out
	case VerifyBlock:
		return "verify " + s.name(x.Block.ID())
	case ExecuteBlock:
		return "execute " + s.name(x.Block.ID())
	case FetchBlock:
		return "fetch " + s.name(x.ID) + " from " + s.peers(x.From)
	case Finalize:
		var names []string
		for _, b := range x.Blocks {
			names = append(names, s.name(b.Block.ID()))
		}
		return fmt.Sprintf("final %s by CC %d:%s", strings.Join(names, ","), x.Certificate.View, s.name(x.Certificate.Block))
	case PrepareEpoch:
		return fmt.Sprintf("prepare epoch %d", x.Next.Number)
	case EnterEpoch:
		if !x.Member {
			return fmt.Sprintf("enter epoch %d, not a member", x.Epoch.Number)
		}
		return fmt.Sprintf("enter epoch %d", x.Epoch.Number)
	case WakeAt:
		if s.wakes {
			return fmt.Sprintf("wake in %d ms", x.MonoMs-s.now.MonoMs)
		}
		return ""
	case EnteredView:
		out := fmt.Sprintf("enter view %d, leader %d", x.View, x.Leader)
		if x.ByTC {
			out += ", by TC"
		}
		return out
	}
	return s.rareEffect(x)
}

func (s *script) rareEffect(x Effect) string {
	switch x := x.(type) {
	case Alarm:
		return strings.TrimSuffix(fmt.Sprintf("alarm %s view=%d %s", x.Kind, x.View, x.Detail), " ")
	case StopSigning:
		return "stop signing: " + x.Reason
	case AskCertificates:
		return fmt.Sprintf("ask %s for certificates from view %d", s.peer(x.Peer), x.View)
	case AskEpochs:
		return fmt.Sprintf("ask %s for epochs from %d", s.peer(x.Peer), x.From)
	case AnswerEpoch:
		return fmt.Sprintf("answer %s with the start of epoch %d from the store", s.peer(x.Peer), x.Epoch)
	case SyncNeeded:
		return fmt.Sprintf("sync to height %d from %s", x.Certificate.Outcome.Height, s.peers(x.From))
	case DropBlocks:
		var names []string
		for _, id := range x.IDs {
			names = append(names, s.name(id))
		}
		return "drop " + strings.Join(names, ",")
	case ReportPeer:
		return "report " + s.peer(x.Peer) + ": " + x.Reason
	case EvidenceFound:
		e := &x.Evidence
		kind := map[types.EvidenceKind]string{1: "two proposals", 2: "two prepare votes", 3: "two commit votes", 4: "amnesia"}[e.Kind]
		set, err := types.NewValidatorSet(fakeGenesis, s.epochs[e.Epoch-1], fakeScheme{})
		if err == nil {
			err = set.VerifyEvidence(e)
		}
		if err != nil {
			return "evidence that does not verify: " + err.Error()
		}
		return fmt.Sprintf("evidence against %d: %s", e.Validator, kind)
	}
	return fmt.Sprintf("%T", x)
}

func (s *script) persisted(x Persist) string {
	st := x.State
	s.start.Safety = &st
	s.logged = append(s.logged, x.Blocks...)
	s.outs = append(s.outs, x.Outcomes...)
	out := fmt.Sprintf("persist epoch=%d voted=%d", st.Epoch, st.VotedView)
	if st.VotedView > 0 {
		out += ":" + s.name(st.VotedBlock)
	}
	out += fmt.Sprintf(" timeout=%d", st.TimeoutView)
	if st.Commit != nil {
		out += fmt.Sprintf(" commit=%d:%s", st.Commit.View, s.name(st.Commit.Block))
	}
	out += " lock=" + s.qc(&st.Lock)
	switch {
	case st.EntryQC != nil:
		out += " entry=" + s.qc(st.EntryQC)
	case st.EntryTC != nil:
		out += " entry=" + s.tc(st.EntryTC)
	}
	if st.OptimisticView > 0 || st.ProposedView > 0 {
		out += fmt.Sprintf(" proposed=%d optimistic=%d", st.ProposedView, st.OptimisticView)
	}
	if len(x.Blocks) > 0 {
		out += " blocks=" + s.blockNames(x.Blocks)
	}
	if len(x.Outcomes) > 0 {
		var names []string
		for _, o := range x.Outcomes {
			names = append(names, s.name(o.Block))
		}
		out += " outcomes=" + strings.Join(names, ",")
	}
	return out
}
