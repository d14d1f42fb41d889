package names_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

func TestEveryNameFits(t *testing.T) {
	// The longest names that the API types take.
	validator := strings.Repeat("v", 46)
	network := strings.Repeat("n", 40)
	for _, name := range []string{
		names.Instance(validator, 9999), names.Pod(validator, 9999), names.SignerClaim(validator, 9999),
		names.ChainClaim(validator, 9999), names.IdentityJob(validator, 9999), names.P2PService(validator, 9999),
		names.Disruption(validator), names.TokenLedger(network), names.OperatorKeys,
		names.GenesisConfigMap(network, v1alpha1.Hash(strings.Repeat("a", 64))), names.FullNodes(network) + "-49",
		names.RPCService(network), names.KeyClaim(make([]byte, 96)),
	} {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			t.Errorf("%s (%d characters): %v", name, len(name), problems)
		}
	}
}

func TestValidatorNames(t *testing.T) {
	if got := names.Validator("net", "", 3); got != "net-3" {
		t.Errorf("without groups: %s", got)
	}
	if got := names.Validator("net", "east", 0); got != "net-east-0" {
		t.Errorf("with a group: %s", got)
	}
	for name, want := range map[string]bool{"net-3": true, "net-east-0": true, "net": false, "net-": false, "net-spare": false, "mine": false, "network-3": false} {
		if got := names.IsValidator("net", name); got != want {
			t.Errorf("a network net could name a validator %s: %v", name, got)
		}
	}
}
