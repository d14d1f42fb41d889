package disruption

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// onItsWay names what was signed that changes the set or its powers; empty: nothing was.
// What waits for people's signatures, maybe for days, is none: it is looked at again
// before it is sent. // rule: leave-only-by-scale
func onItsWay(all []v1alpha1.Submission) string {
	for i := range all {
		kind, _, _ := strings.Cut(all[i].Purpose, ":")
		if (kind == "leave" || kind == "weigh") && !isDraft(all[i].Transaction) {
			return all[i].Purpose
		}
	}
	return ""
}

func isDraft(stored string) bool {
	raw, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		return false
	}
	_, err = ledger.ParseDraft(raw)
	return err == nil
}

// changing reads live what is on its way. A validator of a foreign chain has no such list:
// the chain's leases bind there. // rule: maintain
func (p *pass) changing(ctx context.Context) (string, error) {
	if p.alone != nil {
		return "", nil
	}
	var now v1alpha1.BedrockNetwork
	err := p.Reader.Get(ctx, client.ObjectKeyFromObject(p.network), &now)
	if apierrors.IsNotFound(err) {
		return "", nil // deleted meanwhile: nobody sends anything any more
	}
	if err != nil {
		return "", fmt.Errorf("read network %s: %w", p.network.Name, err)
	}
	return onItsWay(now.Status.Submissions), nil
}
