package executor_test

import (
	"crypto/sha256"
	"testing"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/module"
)

// Who links no engine names the module by the hash that is committed beside it.
func TestModuleHashIsTheCanonicalModules(t *testing.T) {
	wasm, err := executor.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := module.Hash()
	if err != nil {
		t.Fatal(err)
	}
	if hash != sha256.Sum256(wasm) {
		t.Errorf("module.Hash is %x, the module's is %x", hash, sha256.Sum256(wasm))
	}
}
