package engine

import "github.com/bedrock-bft/bedrock/node/consensus"

// signingGates holds signing back while any of its gates is closed.
type signingGates struct {
	closed map[gate]string
}

// gate is one reason that can hold signing back.
type gate string

const (
	gateEcho  gate = "echo"  // rule: own-echo
	gateAdmin gate = "admin" // rule: boot-count
	gateDisk  gate = "disk"
	// gateFilling is closed while the store is filled from peers.
	gateFilling gate = "filling"
	// gateDiverged is closed for good: only a repair lifts it. // rule: commit
	gateDiverged gate = "diverged"
)

func (s *signingGates) block(g gate, reason string) {
	if s.closed == nil {
		s.closed = map[gate]string{}
	}
	s.closed[g] = reason
}

func (s *signingGates) open(g gate) { delete(s.closed, g) }

// event is what the core is told of the gates now.
func (s *signingGates) event() consensus.SigningAllowed {
	for _, g := range []gate{gateDiverged, gateEcho, gateFilling, gateAdmin, gateDisk} {
		if reason, ok := s.closed[g]; ok {
			return consensus.SigningAllowed{Reason: reason}
		}
	}
	return consensus.SigningAllowed{Allowed: true}
}

// openGate lifts one reason not to sign and tells the core.
func (e *Engine) openGate(g gate) {
	e.signing.open(g)
	e.step(e.signing.event())
}

// closeGate holds signing back for a reason.
func (e *Engine) closeGate(g gate, reason string) {
	e.signing.block(g, reason)
	e.step(e.signing.event())
}
