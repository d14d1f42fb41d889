package executortest

import "github.com/bedrock-bft/bedrock/executor/internal/sandbox"

// ShareCompiled has all engines of this process compile a module once, which takes
// about a second of a core: for tests that run many nodes. Call it in TestMain.
func ShareCompiled() { sandbox.ShareCompiled() }
