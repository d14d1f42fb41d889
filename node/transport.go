//go:build !equivocate

package node

import "github.com/bedrock-bft/bedrock/node/engine"

// transport is what the engine sends through. The build with the tag equivocate,
// which only tests make, puts a liar in its place.
func (n *Node) transport() engine.Transport { return n.network }
