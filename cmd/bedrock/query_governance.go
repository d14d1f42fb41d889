package main

import (
	"fmt"
	"io"
	"sort"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// upgradeResult is what is printed of what is scheduled.
type upgradeResult struct {
	Height    uint64        `json:"height"`
	Scheduled bool          `json:"scheduled"`
	Executor  ledger.ID     `json:"executor_hash,omitzero"`
	Engine    uint32        `json:"engine,omitempty"`
	NotBefore uint64        `json:"not_before,omitempty"`
	NotAfter  uint64        `json:"not_after,omitempty"`
	At        uint64        `json:"scheduled_at,omitempty"` // height
	Window    string        `json:"window,omitempty"`       // before, open, or over
	Power     uint64        `json:"total_power,omitempty"`
	Ready     uint64        `json:"ready_power,omitempty"`
	Quorum    uint64        `json:"quorum_power,omitempty"`
	Nodes     []readyMember `json:"validators,omitempty"`
}

type readyMember struct {
	Validator ledger.ID `json:"validator"`
	Moniker   string    `json:"moniker"`
	Power     uint64    `json:"power"`
	Ready     bool      `json:"ready"`
}

func newQueryUpgradeCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:     "upgrade",
		Short:   "The executor that is scheduled, and which validators are ready for it",
		Example: "  bedrock query upgrade --prove upgrade.proof --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			s, err := c.Query(cmd.Context(), "upgrade", nil, 0, ledger.UpgradeKey())
			if err != nil {
				return err
			}
			if err := f.keep(cmd, s.Message, c); err != nil {
				return err
			}
			r := &upgradeResult{Height: s.Height, Scheduled: !s.Absent}
			if r.Scheduled {
				if err := r.read(cmd, c, s.Value); err != nil {
					return err
				}
			}
			return show(cmd, r, func(w io.Writer) { r.print(w) })
		},
	}
	f.add(cmd, false)
	return cmd
}

func (r *upgradeResult) read(cmd *cobra.Command, c *client.Client, row []byte) error {
	u, err := ledger.DecodeUpgrade(row)
	if err != nil {
		return err
	}
	r.Executor, r.Engine, r.NotBefore, r.NotAfter, r.At = u.Executor, u.Engine, u.NotBefore, u.NotAfter, u.At
	switch {
	case r.Height < u.NotBefore:
		r.Window = "before"
	case r.Height <= u.NotAfter:
		r.Window = "open"
	default:
		r.Window = "over"
	}
	members, _, err := readMembers(cmd.Context(), c, r.Height)
	if err != nil {
		return err
	}
	ready := map[ledger.ID]bool{}
	for _, name := range u.Ready {
		ready[name] = true
	}
	for i := range members {
		m := &members[i]
		if m.Status != ledger.StatusActive {
			continue
		}
		r.Power += m.Power
		if ready[m.Name] {
			r.Ready += m.Power
		}
		r.Nodes = append(r.Nodes, readyMember{Validator: m.Name, Moniker: m.Moniker, Power: m.Power, Ready: ready[m.Name]})
	}
	r.Quorum = quorum(r.Power)
	return nil
}

// quorum is the least power above two thirds.
func quorum(total uint64) uint64 { return 2*(total/3) + 2*(total%3)/3 + 1 }

func (r *upgradeResult) print(w io.Writer) {
	if !r.Scheduled {
		fmt.Fprintf(w, "nothing is scheduled (height %d)\n", r.Height)
		return
	}
	fmt.Fprintf(w, "executor  %s, engine %d\nwindow    heights %d to %d (%s; now %d)\nready     power %d of %d, %d needed\n", r.Executor, r.Engine, r.NotBefore, r.NotAfter, r.Window, r.Height, r.Ready, r.Power, r.Quorum)
	for _, v := range r.Nodes {
		state := "not ready"
		if v.Ready {
			state = "ready"
		}
		fmt.Fprintf(w, "  %-16.16s %.12s  power %-6d %s\n", v.Moniker, v.Validator, v.Power, state)
	}
}

type authorityResult struct {
	Height uint64 `json:"height"`
	ledger.Authority
}

func newQueryAuthorityCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:     "authority",
		Short:   "The keys of the authority, and how many must sign",
		Example: "  bedrock query authority --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			s, err := c.Query(cmd.Context(), "authority", nil, f.height, ledger.AuthorityKey())
			if err != nil {
				return err
			}
			if err := f.keep(cmd, s.Message, c); err != nil {
				return err
			}
			r := authorityResult{Height: s.Height, Authority: ledger.Authority{Keys: []ledger.ID{}}}
			if !s.Absent {
				if r.Authority, err = ledger.DecodeAuthority(s.Value); err != nil {
					return err
				}
			}
			return show(cmd, r, func(w io.Writer) {
				fmt.Fprintf(w, "%d of %d keys must sign\n", r.Threshold, len(r.Keys))
				for _, key := range r.Keys {
					fmt.Fprintf(w, "  %s  (account %s)\n", key, ledger.AddressOf(key[:]))
				}
			})
		},
	}
	f.add(cmd, true)
	return cmd
}

func newQueryParametersCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:     "parameters",
		Short:   "The ledger's parameters: limits, fees and the gas schedule",
		Example: "  bedrock query parameters --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			s, err := c.Query(cmd.Context(), "params", nil, f.height, ledger.ParametersKey())
			if err != nil {
				return err
			}
			if err := f.keep(cmd, s.Message, c); err != nil {
				return err
			}
			values, err := ledger.DecodeParameters(s.Value)
			if err != nil {
				return err
			}
			r := struct {
				Height     uint64            `json:"height"`
				Parameters map[string]uint64 `json:"parameters"`
			}{s.Height, map[string]uint64{}}
			for i, name := range ledger.ParameterNames {
				r.Parameters[name] = values[i]
			}
			return show(cmd, r, func(w io.Writer) {
				names := append([]string{}, ledger.ParameterNames...)
				sort.Strings(names)
				for _, name := range names {
					fmt.Fprintf(w, "%-22s %d\n", name, r.Parameters[name])
				}
			})
		},
	}
	f.add(cmd, true)
	return cmd
}
