//go:build byzantine

package main

import (
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/sim/byzantine"
)

// simConduct makes up to a third of the validators of simulated runs Byzantine.
type simConduct struct{ drawn bool }

func (c *simConduct) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.drawn, "byzantine", false, "up to a third of the validators break the rules, as the seed says")
}

// on puts the conduct that a plan's seed draws into it.
func (c *simConduct) on(p sim.Plan) sim.Plan {
	if !c.drawn || p.Check() != nil { // what cannot be run is told by whoever runs it
		return p
	}
	with, _, err := byzantine.Draw(p.Seed, p.Nodes).On(p)
	if err != nil {
		panic(err) // what is drawn fits the plan
	}
	return with
}

func (c *simConduct) replay() string {
	if c.drawn {
		return " --byzantine"
	}
	return ""
}
