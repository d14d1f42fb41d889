package executor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// evidenceVectors are one scheme of test/vectors/evidence.json.
type evidenceVectors struct {
	Scheme        string
	Genesis       string
	ConsensusKeys []string `json:"consensus_keys"`
	Possessions   []string
	Cases         []struct {
		Comment, Evidence string
		Valid             bool
	}
}

// The canonical module judges evidence of both signature schemes as the node does,
// under the runtime that chains use, and its signatures take a small part of the
// fuel that it brings, and less than a transaction has for a proof of possession.
func TestEvidenceThroughTheHost(t *testing.T) {
	text, err := os.ReadFile("../test/vectors/evidence.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Schemes []evidenceVectors }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Schemes) != 2 {
		t.Fatalf("%d schemes, want 2: the file is cut", len(file.Schemes))
	}
	module := canonical(t, testEngine(t))
	for _, scheme := range file.Schemes {
		t.Run(scheme.Scheme, func(t *testing.T) {
			l := convicting(t, module, &scheme)
			tip, _ := l.overlays.Committed()
			idle := l.execute(t, tip, nil).Usage.Fuel
			for _, c := range scheme.Cases {
				result := l.judge(t, tip, decodeHex(t, c.Evidence))
				if got := result.EpochChange != nil; got != c.Valid || got && len(result.EpochChange.GetValidators()) != len(scheme.ConsensusKeys)-1 {
					t.Errorf("%s: an epoch change %v, want %v", c.Comment, result.EpochChange, c.Valid)
				}
				limits := module.engine.limits.Fuel
				if fuel := result.Usage.Fuel - idle; 16*fuel > limits.Evidence || fuel/2 > limits.Verify*9/10 {
					t.Errorf("%s: two signatures took fuel %d; a piece of evidence has %d, a transaction in verify %d", c.Comment, fuel, limits.Evidence, limits.Verify)
				}
			}
		})
	}
}

// convicting is a chain whose validators have the vectors' keys.
func convicting(t *testing.T, module *Module, v *evidenceVectors) *ledger {
	t.Helper()
	l := &ledger{module: module, base: memstate.New(), genesis: [32]byte(decodeHex(t, v.Genesis)), gas: ledgerGas}
	epoch := &executorv1.EpochParams{Engine: EngineOne, MaxBlockBytes: 1 << 20, MaxBlockGas: ledgerGas}
	hash := module.Hash()
	epoch.ExecutorHash = hash[:]
	for i := range v.ConsensusKeys {
		identity := sha256.Sum256([]byte{byte(i)})
		epoch.Validators = append(epoch.Validators, &executorv1.Validator{ConsensusKey: decodeHex(t, v.ConsensusKeys[i]),
			NetworkKey: identity[:], Power: 10, Possession: decodeHex(t, v.Possessions[i])})
	}
	l.identity = [32]byte(epoch.Validators[0].NetworkKey)
	request := &executorv1.GenesisRequest{GenesisHash: l.genesis[:], ChainId: "test", Epoch: epoch, AppState: []byte(`{}`)}
	result, err := module.Genesis(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	set := result.Overlay.WriteSet()
	if err := l.base.Apply(set); err != nil {
		t.Fatal(err)
	}
	l.overlays = state.NewOverlays(l.base, set.Block, set.After, nil)
	return l
}

// judge executes a block that holds one piece of evidence.
func (l *ledger) judge(t *testing.T, parent state.BlockID, evidence []byte) *Result {
	t.Helper()
	view := l.view(t, parent)
	defer view.Close()
	block := l.next(parent, view.Ref(), nil)
	block.Context.Evidence = [][]byte{evidence}
	result, err := l.module.Execute(context.Background(), view, block)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Success {
		t.Fatalf("failed block: %s", result.FailureReason)
	}
	return result
}

func decodeHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
