//go:build !byzantine

package main

import (
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/sim"
)

// simConduct is what some validators of simulated runs do otherwise: nothing, but in
// builds with the tag byzantine.
type simConduct struct{}

func (*simConduct) flags(*cobra.Command) {}

func (*simConduct) on(p sim.Plan) sim.Plan { return p }

func (*simConduct) replay() string { return "" }
