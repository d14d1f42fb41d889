//go:build !equivocate

package node

import "github.com/bedrock-bft/bedrock/node/engine"

// transport is what the engine sends through. The build with the tag equivocate,
// which only tests make, puts a liar in its place.
func (n *Node) transport() engine.Transport {
	if n.opt.Transport != nil {
		return n.opt.Transport(n.network)
	}
	return n.network
}
