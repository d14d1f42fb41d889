package plan_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// rule: chain-over-API
func TestWhatTheChainSays(t *testing.T) {
	me, other := ledger.ID{1}, ledger.ID{2}
	set := func(members, outside []ledger.ID) *chain.Set {
		s := &chain.Set{}
		for _, id := range members {
			s.Members = append(s.Members, chain.Member{Identity: id})
		}
		for _, id := range outside {
			s.Outside = append(s.Outside, chain.Member{Identity: id})
		}
		return s
	}
	id := v1alpha1.Ed25519Key(me.String())
	for _, tt := range []struct {
		name            string
		heard           plan.Heard
		inSet, signing  string
		inStatus, sign_ metav1.ConditionStatus
	}{
		{"no identity", plan.Heard{}, "Waiting", "Waiting", "False", "False"},
		{"nobody answers", plan.Heard{Identity: id}, "ChainUnreachable", "NodeUnreachable", "Unknown", "Unknown"},
		{"signs", plan.Heard{Identity: id, Own: &chain.Status{Identity: me, Signing: true}, Set: set([]ledger.ID{me, other}, nil)}, "InSet", "Signing", "True", "True"},
		{"catches up", plan.Heard{Identity: id, Own: &chain.Status{Identity: me, Syncing: true}, Set: set([]ledger.ID{me}, nil)}, "InSet", "Syncing", "True", "False"},
		{"is outside", plan.Heard{Identity: id, Own: &chain.Status{Identity: me, WhyNot: "no keys of the epoch"}, Set: set([]ledger.ID{other}, []ledger.ID{me})}, "OutsideSet", "NotSigning", "False", "False"},
		{"is unknown", plan.Heard{Identity: id, Own: &chain.Status{Identity: me}, Set: set([]ledger.ID{other}, nil)}, "NotInSet", "NotSigning", "False", "False"},
		{"came up foreign", plan.Heard{Identity: id, Own: &chain.Status{Identity: other, Signing: true}, Set: set([]ledger.ID{me}, nil)}, "InSet", "VolumeForeign", "True", "False"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if v := plan.InSet(&tt.heard); v.Reason != tt.inSet || v.Status != tt.inStatus {
				t.Errorf("%+v", v)
			}
			if v := plan.Signing(&tt.heard); v.Reason != tt.signing || v.Status != tt.sign_ {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestReadyNeedsVotesThatOthersSaw(t *testing.T) {
	fine := verdict.True("Running", "Running", "")
	for _, tt := range []struct {
		name  string
		heard plan.Heard
		want  string
	}{
		{"seen lately", plan.Heard{FinalHeight: 100, Others: []chain.Seen{{VoteHeight: 95}}}, "Ready"},
		{"seen long ago", plan.Heard{FinalHeight: 100, Others: []chain.Seen{{VoteHeight: 50, Connected: true}}}, "VotesNotSeen"},
		{"an observer that just started", plan.Heard{FinalHeight: 100, Others: []chain.Seen{{Connected: true}}}, "Ready"},
		{"nobody saw it", plan.Heard{FinalHeight: 100}, "VotesNotSeen"},
		{"alone", plan.Heard{Alone: true}, "Ready"},
		{"nobody to ask", plan.Heard{Unasked: true}, "Ready"},
	} {
		if v := plan.Ready(&tt.heard, fine); v.Reason != tt.want {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
	bad := verdict.False("Signing", "Syncing", "it catches up")
	if v := plan.Ready(&plan.Heard{Alone: true}, fine, bad); v.Reason != "Syncing" || !strings.Contains(v.Message, "catches up") || v.OK() {
		t.Errorf("%+v", v)
	}
}

// rule: identity-born
func TestRecords(t *testing.T) {
	good := chaintest.Record("val-0", 1)
	var e v1alpha1.Instance
	if err := plan.TakeRecord(&e, good, v1alpha1.SchemeEd25519); err != nil || len(e.Identity) != 64 || len(e.ConsensusKey) != 64 || e.VolumeID == "" {
		t.Fatalf("%+v, %v", e, err)
	}
	for name, tt := range map[string]struct{ message, says string }{
		"a log line":          {"panic: no such file", "is the image a Bedrock node"},
		"nothing":             {"", "is the image a Bedrock node"},
		"another version":     {strings.Replace(good, `"version":1`, `"version":2`, 1), "version 2"},
		"another scheme":      {strings.Replace(good, `"ed25519"`, `"bls12381"`, 1), "scheme bls12381"},
		"a key cut short":     {strings.Replace(good, `"consensus_key":"`, `"consensus_key":"zz`, 1), "consensus_key"},
		"too long":            {good + strings.Repeat(" ", 5000), "at most"},
		"a volume id of text": {strings.Replace(good, `"volume_id":"`, `"volume_id":"?`, 1), "volume_id"},
	} {
		e := v1alpha1.Instance{}
		if err := plan.TakeRecord(&e, tt.message, v1alpha1.SchemeEd25519); err == nil || !strings.Contains(err.Error(), tt.says) || e.Identity != "" {
			t.Errorf("%s: %v, %+v", name, err, e)
		}
	}
}

// What is quoted of a node is cut between letters.
func TestQuotesAreCutBetweenLetters(t *testing.T) {
	h := plan.Heard{Identity: v1alpha1.Ed25519Key(ledger.ID{1}.String()), OwnError: "x" + strings.Repeat("é", 2000)}
	if v := plan.Signing(&h); !utf8.ValidString(v.Message) || !strings.Contains(v.Message, "xéé") {
		t.Errorf("%q", v.Message)
	}
}
