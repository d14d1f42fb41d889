package network

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
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
	if apply.NamespaceEnds(failed) {
		p.say(verdict.Unknown(v1alpha1.NetworkReady, v1alpha1.ReasonNamespaceEnds, "its namespace is being deleted, and takes nothing new"))
		return
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
	p.say(plan.AllReady(p.status.Summary, p.staying()))
}

// staying are the Validators that nobody deletes; of those that the spec no longer
// wants, membership speaks.
func (p *pass) staying() []*v1alpha1.Validator {
	var out []*v1alpha1.Validator
	for _, v := range p.live {
		if v.DeletionTimestamp == nil {
			out = append(out, v)
		}
	}
	return out
}
