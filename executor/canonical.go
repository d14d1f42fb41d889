package executor

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// moduleFolder holds the canonical module as `make module` builds it.
//
//go:embed module
var moduleFolder embed.FS

// Canonical is the embedded module, with which chains start if genesis names no
// other.
func Canonical() ([]byte, error) {
	wasm, err := moduleFolder.ReadFile("module/bedrock.wasm")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this binary was built without executor/module/bedrock.wasm: run `make module`, then build again")
	}
	return wasm, err
}
