package module

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed bedrock.wasm.sha256
var sum string

// Hash is the SHA-256 of the canonical module, with which chains start if genesis
// names no other.
func Hash() ([32]byte, error) {
	text, _, _ := strings.Cut(strings.TrimSpace(sum), " ")
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		return [32]byte{}, fmt.Errorf("executor/module/bedrock.wasm.sha256 does not begin with 64 hex digits: run `make module`, then build again")
	}
	return [32]byte(raw), nil
}
