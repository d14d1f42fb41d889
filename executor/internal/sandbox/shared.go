package sandbox

import (
	"crypto/sha256"
	"fmt"
	"sync"
)

// shared is compiled code of this process, by settings and module, where tests share
// it. (Programs built with the tag sharedcode share it among processes.)
var shared struct {
	sync.Mutex
	on   bool
	code map[string][]byte
}

// ShareCompiled has engines of this process with the same settings compile a module
// once: for tests that run many nodes in one process. What was compiled stays in
// memory.
func ShareCompiled() {
	shared.Lock()
	defer shared.Unlock()
	shared.on, shared.code = true, map[string][]byte{}
}

// compiledBefore is a module that an engine like this one has compiled; nil: none.
func (e *Engine) compiledBefore(wasm []byte) *Module {
	shared.Lock()
	key := e.sharedKey(wasm)
	code := shared.code[key]
	shared.Unlock()
	if code == nil {
		code = codeOnDisk(key)
	}
	if code == nil {
		return nil
	}
	m, err := e.Deserialize(code)
	if err != nil {
		return nil
	}
	return m
}

// compiled keeps a module for compiledBefore.
func (e *Engine) compiled(wasm []byte, m *Module) {
	shared.Lock()
	on := shared.on
	shared.Unlock()
	if !on {
		return
	}
	code, err := m.Serialize()
	if err != nil {
		return
	}
	shared.Lock()
	key := e.sharedKey(wasm)
	shared.code[key] = code
	shared.Unlock()
	keepOnDisk(key, code)
}

// sharedKey is empty where nothing is shared. Callers hold the lock.
func (e *Engine) sharedKey(wasm []byte) string {
	if !shared.on {
		return ""
	}
	return fmt.Sprintf("%x %+v", sha256.Sum256(wasm), e.settings)
}
