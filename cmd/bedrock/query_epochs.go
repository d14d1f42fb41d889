package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// maxEpochsShown bounds a list of epochs.
const maxEpochsShown = 1000

// epochResult is what is printed of an epoch.
type epochResult struct {
	Number   uint64         `json:"number"`
	First    uint64         `json:"first_height"`
	Power    uint64         `json:"total_power"`
	Executor ledger.ID      `json:"executor_hash"`
	Engine   uint32         `json:"engine"`
	MaxBytes uint64         `json:"max_block_bytes"`
	MaxGas   uint64         `json:"max_block_gas"`
	Set      []memberResult `json:"validators"`
	Changes  []change       `json:"changes"`
}

type memberResult struct {
	Validator    ledger.ID `json:"validator"` // name
	Moniker      string    `json:"moniker,omitempty"`
	Identity     ledger.ID `json:"identity"`
	ConsensusKey string    `json:"consensus_key"`
	Power        uint64    `json:"power"`
}

type epochsResult struct {
	Newest uint64        `json:"newest"`
	Epochs []epochResult `json:"epochs"`
}

func newQueryEpochsCommand() *cobra.Command {
	var f queryFlags
	var from uint64
	var limit int
	cmd := &cobra.Command{
		Use:   "epochs [NUMBER]",
		Short: "Epochs, verified by their certificates, and what each changed",
		Long: `Each epoch with its first height, executor, limits, and what it changed: who entered
or left the set, was rotated or weighed. Without --from the newest ones.

With --prove, the ledger's row of one epoch is proven (it is kept while evidence of
that epoch may come).`,
		Example: `  bedrock query epochs --genesis net/genesis.json
  bedrock query epochs 3 --prove epoch3.proof --output json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > maxEpochsShown {
				return fmt.Errorf("--limit %d: use 1 to %d", limit, maxEpochsShown)
			}
			if len(args) == 1 {
				n, err := strconv.ParseUint(args[0], 10, 64)
				if err != nil || n == 0 {
					return fmt.Errorf("epoch %q: write a number from 1", args[0])
				}
				from, limit = n, 1
			} else if f.prove != "" {
				return errors.New("--prove proves one epoch: name its number")
			}
			c, g, err := f.connect(cmd)
			if err != nil {
				return err
			}
			e, err := readEpochs(cmd.Context(), c, g.Epoch())
			if err != nil {
				return err
			}
			r, err := e.results(from, limit)
			if err != nil {
				return err
			}
			if f.prove != "" {
				s, err := c.Query(cmd.Context(), "epoch/"+args[0], nil, 0, ledger.EpochKey(from))
				if err != nil {
					return err
				}
				if s.Absent {
					return fmt.Errorf("the ledger does not keep epoch %d any more: its certificate is in every proof of a later height", from)
				}
				if err := f.keep(cmd, s.Message, c); err != nil {
					return err
				}
			}
			return show(cmd, r, func(w io.Writer) { r.print(w) })
		},
	}
	f.add(cmd, false)
	cmd.Flags().Uint64Var(&from, "from", 0, "first epoch; 0: the newest ones")
	cmd.Flags().IntVar(&limit, "limit", 100, fmt.Sprintf("how many, up to %d", maxEpochsShown))
	return cmd
}

// results are up to limit epochs from a number on; from 0: the newest.
func (e *epochs) results(from uint64, limit int) (*epochsResult, error) {
	newest := e.list[len(e.list)-1].Number
	begin := max(0, len(e.list)-limit)
	if from != 0 {
		if from > newest || from < e.list[0].Number {
			return nil, fmt.Errorf("there is no epoch %d: the newest is %d", from, newest)
		}
		begin = int(from - e.list[0].Number)
	}
	r := &epochsResult{Newest: newest, Epochs: []epochResult{}}
	for i := begin; i < min(begin+limit, len(e.list)); i++ {
		epoch := &e.list[i]
		one := epochResult{Number: epoch.Number, First: e.first[i], Executor: ledger.ID(epoch.ExecutorHash), Engine: epoch.Engine,
			MaxBytes: epoch.MaxBytes, MaxGas: epoch.MaxGas, Changes: append([]change{}, e.changes(i)...), Set: []memberResult{}}
		for _, v := range epoch.Validators {
			name := e.of(v.NetworkKey)
			one.Power += v.Power
			one.Set = append(one.Set, memberResult{Validator: name, Moniker: e.names[name], Identity: v.NetworkKey, ConsensusKey: hex.EncodeToString(v.ConsensusKey), Power: v.Power})
		}
		r.Epochs = append(r.Epochs, one)
	}
	return r, nil
}

func (r *epochsResult) print(w io.Writer) {
	for i := range r.Epochs {
		e := &r.Epochs[i]
		fmt.Fprintf(w, "epoch %d from height %d: %d validators, power %d, executor %.12s, engine %d\n", e.Number, e.First, len(e.Set), e.Power, e.Executor, e.Engine)
		if e.Number == 1 {
			continue
		}
		for i := range e.Changes {
			fmt.Fprintf(w, "  %s\n", e.Changes[i].String())
		}
	}
}
