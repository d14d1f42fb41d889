// Package apitest names controllers/apitest, for tests that know it by this path.
//
// It must hold nothing of its own. Tests: controllers/apitest.
package apitest

import "github.com/bedrock-bft/bedrock/controllers/apitest"

// Server and Options are apitest's.
type (
	Server  = apitest.Server
	Options = apitest.Options
)

// Main and Start are apitest's.
var (
	Main  = apitest.Main
	Start = apitest.Start
)
