package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// validatorResult is what is printed of a validator.
type validatorResult struct {
	Index        int            `json:"index"` // in the epoch's set; -1: not in it
	Name         ledger.ID      `json:"name,omitzero"`
	Moniker      string         `json:"moniker"`
	Status       string         `json:"status"` // candidate, active, jailed or left
	Ready        bool           `json:"ready"`
	Power        uint64         `json:"power"`
	Identity     ledger.ID      `json:"identity"`
	ConsensusKey string         `json:"consensus_key"`
	Owner        ledger.Address `json:"owner,omitzero"`
	Delegate     ledger.ID      `json:"delegate,omitzero"`
	LeaseEndMs   uint64         `json:"lease_end_ms"`
	Since        uint64         `json:"since_height"`
	// What the node that was asked has seen; its own word.
	LastVote  uint64   `json:"last_vote_height"`
	Connected bool     `json:"connected"`
	History   []change `json:"history,omitempty"`
}

type validatorsResult struct {
	Epoch      uint64            `json:"epoch"`
	Height     uint64            `json:"height,omitempty"` // of the ledger's rows
	Power      uint64            `json:"total_power"`      // of the set
	Validators []validatorResult `json:"validators"`
}

func newQueryValidatorsCommand() *cobra.Command {
	var f queryFlags
	var epoch uint64
	cmd := &cobra.Command{
		Use:   "validators [VALIDATOR]",
		Short: "Validators and candidates, or one of them with its history",
		Long: `Without an argument: all validators that have not left, each with its name for
life, present identity, power, status, lease, and whether its node said that it is
ready. With --epoch, only the set of that epoch, by its certificate.

VALIDATOR is a moniker, or the first digits of a name or identity; its history says
in which epochs it entered, was rotated, weighed, and left.

Last votes and connections are what the node that is asked has seen.`,
		Example: `  bedrock query validators --output json
  bedrock query validators node2 --prove node2.proof`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, g, err := f.connect(cmd)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if epoch != 0 {
					return errors.New("VALIDATOR shows the history over all epochs: leave out --epoch")
				}
				return f.showValidator(cmd, c, g.Epoch(), args[0])
			}
			r, err := readValidators(cmd, c, epoch)
			if err != nil {
				return err
			}
			if f.prove != "" {
				s, err := c.Query(cmd.Context(), "validators", nil, r.Height, ledger.ValidatorsKey())
				if err != nil {
					return err
				}
				if err := f.keep(cmd, s.Message, c); err != nil {
					return err
				}
			}
			return show(cmd, r, func(w io.Writer) { r.print(w) })
		},
	}
	f.add(cmd, false)
	cmd.Flags().Uint64Var(&epoch, "epoch", 0, "only the set of this epoch; 0: the present one, and who is outside it")
	return cmd
}

// readValidators joins the set of an epoch, which a certificate proves, with the
// ledger's rows, and with what the node has seen.
func readValidators(cmd *cobra.Command, c *client.Client, epoch uint64) (*validatorsResult, error) {
	res, err := c.RPC().ListValidators(cmd.Context(), connect.NewRequest(&nodev1.ListValidatorsRequest{Epoch: epoch}))
	if err != nil {
		return nil, unreachable(c.URL(), err)
	}
	if err := c.Learn(cmd.Context(), res.Msg.Epoch); err != nil {
		return nil, err
	}
	set, ok := c.Chain().Epoch(res.Msg.Epoch)
	if !ok || len(set.Validators) != len(res.Msg.Validators) {
		return nil, fmt.Errorf("the node names %d validators of epoch %d, its certificate %d", len(res.Msg.Validators), res.Msg.Epoch, len(set.Validators))
	}
	members, height, err := readMembers(cmd.Context(), c, 0)
	var refused *client.ExecutorError
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	byIdentity := map[ledger.ID]*member{}
	for i := range members {
		byIdentity[members[i].Identity] = &members[i]
	}
	r := &validatorsResult{Epoch: res.Msg.Epoch, Height: height, Validators: []validatorResult{}}
	inSet := map[ledger.ID]bool{}
	for i, v := range set.Validators {
		seen := res.Msg.Validators[i]
		id := ledger.ID(v.NetworkKey)
		one := validatorResult{Index: i, Identity: id, ConsensusKey: hex.EncodeToString(v.ConsensusKey), Power: v.Power, Status: ledger.StatusActive.String(), Moniker: seen.Moniker}
		if m := byIdentity[id]; m != nil {
			one.fill(m)
			one.Power = v.Power // of this epoch
		}
		if string(seen.Validator.GetNetworkKey()) == string(id[:]) {
			one.LastVote, one.Connected = seen.LastVoteHeight, seen.Connected
		}
		inSet[id] = true
		r.Power += v.Power
		r.Validators = append(r.Validators, one)
	}
	for i := range members {
		if m := &members[i]; epoch == 0 && !inSet[m.Identity] {
			r.Validators = append(r.Validators, outside(m))
		}
	}
	return r, nil
}

func outside(m *member) validatorResult {
	one := validatorResult{Index: -1, Identity: m.Identity, ConsensusKey: hex.EncodeToString(m.ConsensusKey)}
	one.fill(m)
	return one
}

// fill takes what the ledger's row says.
func (r *validatorResult) fill(m *member) {
	r.Name, r.Moniker, r.Status, r.Ready, r.Power = m.Name, m.Moniker, m.Status.String(), m.Ready, m.Power
	r.Owner, r.Delegate, r.LeaseEndMs, r.Since = m.Owner, m.Delegate, m.LeaseEnd, m.Since
}

func (r *validatorsResult) print(w io.Writer) {
	fmt.Fprintf(w, "epoch %d, power %d\n%3s  %-16s %-9s %-6s %-12s %-12s %-10s %s\n", r.Epoch, r.Power, "#", "moniker", "status", "power", "name", "identity", "last vote", "notes")
	for i := range r.Validators {
		v := &r.Validators[i]
		index, vote := "-", "-"
		if v.Index >= 0 {
			index, vote = fmt.Sprint(v.Index), fmt.Sprint(v.LastVote)
		}
		fmt.Fprintf(w, "%3s  %-16.16s %-9s %-6d %-12.12s %-12.12s %-10s %s\n", index, v.Moniker, v.Status, v.Power, v.Name, v.Identity, vote, v.notes())
	}
}

func (r *validatorResult) notes() string {
	notes := ""
	if r.Status == ledger.StatusCandidate.String() {
		notes = "not ready "
		if r.Ready {
			notes = "ready "
		}
	}
	if r.Index >= 0 && !r.Connected {
		notes += "not connected "
	}
	if r.LeaseEndMs != 0 {
		notes += "maintenance until " + time.UnixMilli(int64(r.LeaseEndMs)).UTC().Format(time.RFC3339)
	}
	return notes
}

// showValidator prints one with its history.
func (f *queryFlags) showValidator(cmd *cobra.Command, c *client.Client, trusted types.Epoch, which string) error {
	m, err := findMember(cmd.Context(), c, which)
	if err != nil {
		return err
	}
	if err := f.keep(cmd, m.proof.Message, c); err != nil {
		return err
	}
	e, err := readEpochs(cmd.Context(), c, trusted)
	if err != nil {
		return err
	}
	r := outside(m)
	last := e.list[len(e.list)-1]
	if index, ok := last.IndexOfNetworkKey(m.Identity); ok {
		r.Index = index
	}
	r.History = e.historyOf(m.Name)
	return show(cmd, r, func(w io.Writer) {
		fmt.Fprintf(w, "moniker        %s\nname           %s\nstatus         %s since height %d\nready          %t\npower          %d\nidentity       %s\nconsensus key  %s\nowner          %s\n",
			r.Moniker, r.Name, r.Status, r.Since, r.Ready, r.Power, r.Identity, r.ConsensusKey, r.Owner)
		if !r.Delegate.IsZero() {
			fmt.Fprintf(w, "delegate       %s\n", r.Delegate)
		}
		if notes := r.notes(); r.LeaseEndMs != 0 {
			fmt.Fprintf(w, "notes          %s\n", notes)
		}
		for i := range r.History {
			fmt.Fprintf(w, "epoch %-8d %s\n", r.History[i].Epoch, r.History[i].String())
		}
	})
}
