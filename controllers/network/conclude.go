package network

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// conclude says how the network is, all in all.
func (p *pass) conclude(failed error) {
	if _, said := p.verdicts[v1alpha1.NetworkReady]; said {
		return
	}
	if p.network.DeletionTimestamp == nil {
		p.say(verdict.False(v1alpha1.NetworkDeletion, "NotDeleted", "nobody has deleted this network"))
	}
	if failed != nil {
		p.say(verdict.Unknown(v1alpha1.NetworkReady, "ReconcileFailed", failed.Error()))
		return
	}
	for _, kind := range []string{v1alpha1.NetworkGenesisReady, v1alpha1.NetworkFinalizing, v1alpha1.NetworkMembership} {
		v, said := p.verdicts[kind]
		if !said {
			v = verdict.Unknown(kind, v1alpha1.ReasonWaiting, "waits for the steps before it")
			p.say(v)
		}
		if !v.OK() {
			p.say(verdict.False(v1alpha1.NetworkReady, v.Reason, fmt.Sprintf("%s: %s", kind, v.Message)))
			return
		}
	}
	p.say(verdict.True(v1alpha1.NetworkReady, v1alpha1.ReasonReady, fmt.Sprintf("%s validators in the set, the chain goes on", p.status.Summary)))
}
