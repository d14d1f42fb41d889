package main

import "strings"

// wall says what the packages under from may import of this module. Paths are
// relative to the module; "x/..." is x and everything below it.
type wall struct {
	from  []string
	only  []string // not nil: imports of ours must be under one of these
	never []string // imports of ours that are under one of these are refused
	why   string
}

// walls is the order in which the tree may be imported:
// cmd -> controllers | node -> executor, client -> node/types, proto.
var walls = []wall{
	{
		from: []string{"node/types", "client/proof/rfc6962"},
		only: []string{},
		why:  "node/types and its hash tree import nothing of ours: everything stands on them",
	},
	{
		from: []string{"executor/receipts"},
		only: []string{"client/proof/rfc6962"},
		why:  "clients link executor/receipts: it hashes receipts and does nothing else",
	},
	{
		from: []string{"node/types/..."},
		only: []string{"node/types/..."},
		why:  "what is below node/types imports nothing else of ours",
	},
	{
		from: []string{"node/consensus"},
		only: []string{"node/types"},
		why:  "the consensus core knows blocks and votes, and no I/O",
	},
	{
		from: []string{"node/consensus/spec/..."},
		only: []string{"node/types", "node/consensus/..."},
		why:  "the model knows the core that it is held against, and nothing else",
	},
	{
		from: []string{"node/task/..."},
		only: []string{"node/task/..."},
		why:  "the runtime port knows nothing of what runs on it",
	},
	{
		from:  []string{"node", "node/engine", "node/mempool", "node/blocksync", "node/p2p/...", "node/storage/...", "node/signer", "node/rpc", "node/wiring"},
		never: []string{"node/sim/...", "node/task/deterministic"},
		why:   "what is simulated knows nothing of the simulator",
	},
	{
		from:  []string{"executor/..."},
		never: []string{"node/...", "controllers/...", "client/...", "api/..."},
		why:   "the executor's host knows nothing of the node",
	},
	{
		from:  []string{"client/..."},
		never: []string{"node/...", "executor/...", "controllers/..."},
		why:   "a client takes only node/types of the node",
	},
	{
		from:  []string{"node/..."},
		never: []string{"controllers/...", "api/..."},
		why:   "a node runs without Kubernetes",
	},
	{
		from: []string{"api/..."},
		only: []string{"api/..."},
		why:  "Kubernetes types import nothing of ours: others import them alone",
	},
	{
		from: []string{"controllers/..."},
		only: []string{"controllers/...", "api/...", "client/...", "proto/..."},
		why:  "controllers reach nodes only over RPC",
	},
	{
		from: []string{"proto/..."},
		only: []string{"proto/..."},
		why:  "generated messages import only each other",
	},
}

// allowed lists the exceptions, which every wall lets through.
var allowed = []struct{ from, to string }{
	// Two leaves by which blocks are hashed and clients verify: one code for both.
	{"node/types", "client/proof/rfc6962"},
	{"executor/...", "client/proof/rfc6962"},
	{"client/...", "executor/receipts"},
	{"client/...", "node/types"},
	{"controllers/...", "node/types"},
	// The genesis document, a pure function of what a ceremony gathers.
	{"controllers/...", "node/genesis"},
}

// cLibraries are the C libraries of the node, by import path.
var cLibraries = []string{
	"github.com/supranational/blst/...",
	"github.com/bytecodealliance/wasmtime-go/...",
	"github.com/linxGnu/grocksdb/...",
}

// cgoFree lists the packages that must build without cgo, whatever they reach.
var cgoFree = []string{"client/...", "controllers/...", "api/...", "cmd/kubectl-bedrock/...", "cmd/bedrock-operator/...", "node/sim/...", "node/wiring"}

// pureCore is the package that decides without clock, chance or threads. (The model
// below it, spec, searches by chance and is linked by nothing.)
const pureCore = "node/consensus"

// impureImports may not be imported by the core, and why.
var impureImports = map[string]string{
	"math/rand":    "randomness",
	"math/rand/v2": "randomness",
	"crypto/rand":  "randomness",
	"os":           "I/O",
	"net":          "I/O",
	"io/fs":        "I/O",
	"sync":         "threads",
	"sync/atomic":  "threads",
	"context":      "cancellation is a clock",
	"log/slog":     "I/O",
}

// onTasks are the packages that run on node/task, on the machine and in the simulator.
var onTasks = []string{"node/engine", "node/mempool", "node/blocksync", "node/wiring"}

// unseenNames are what starts, waits or takes the time without node/task, by package.
var unseenNames = map[string][]string{
	"time":    {"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"},
	"sync":    {"WaitGroup", "Cond"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause", "AfterFunc"},
}

// forbiddenNames are package names that say nothing of what is inside.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "misc"}

// under reports whether path is pattern, or below it where pattern ends in "/...".
func under(path, pattern string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == base || strings.HasPrefix(path, base+"/")
	}
	return path == pattern
}

func underAny(path string, patterns []string) bool {
	for _, p := range patterns {
		if under(path, p) {
			return true
		}
	}
	return false
}
