package plan

import (
	"fmt"
	"slices"
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// namedUnready bounds how many Validators are named that are not Ready.
const namedUnready = 5

// AllReady is the network's last word, once genesis, finality and membership are as they
// should be: a chain that goes on without some of its validators is not what was asked for.
// Reasons alone are quoted: messages change while a node ends again and again.
func AllReady(summary string, validators []*v1alpha1.Validator) verdict.Verdict {
	const kind = v1alpha1.NetworkReady
	sorted := slices.Clone(validators)
	slices.SortFunc(sorted, func(a, b *v1alpha1.Validator) int { return strings.Compare(a.Name, b.Name) })
	var unready []string
	for _, v := range sorted {
		c := apimeta.FindStatusCondition(v.Status.Conditions, v1alpha1.ValidatorReady)
		switch {
		case c == nil:
			unready = append(unready, v.Name+" NotLookedAt")
		case c.Status != metav1.ConditionTrue:
			unready = append(unready, v.Name+" "+c.Reason)
		}
	}
	if len(unready) == 0 {
		return verdict.True(kind, v1alpha1.ReasonReady, fmt.Sprintf("%s validators in the set, the chain goes on", summary))
	}
	text := fmt.Sprintf("the chain goes on, and %d of %d validators are not Ready: ", len(unready), len(validators))
	if more := len(unready) - namedUnready; more > 0 {
		unready = append(unready[:namedUnready], fmt.Sprintf("and %d more", more))
	}
	return verdict.False(kind, v1alpha1.ReasonValidatorsNotReady, text+strings.Join(unready, ", ")+" (kubectl describe validator tells more)")
}
