package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// evidenceResult is what is printed of a piece of evidence that jailed somebody.
type evidenceResult struct {
	Hash      ledger.ID `json:"hash"`
	Kind      string    `json:"kind"`
	Epoch     uint64    `json:"epoch"`
	Validator ledger.ID `json:"validator"`
	Moniker   string    `json:"moniker,omitempty"`
	Status    string    `json:"status,omitempty"` // of the validator now
	Height    uint64    `json:"height"`           // of the block that held it
}

// evidenceKinds are the names of what evidence proves.
var evidenceKinds = map[uint8]string{
	uint8(types.EvidenceProposals): "two proposals", uint8(types.EvidencePrepares): "two prepare votes",
	uint8(types.EvidenceCommits): "two commit votes", uint8(types.EvidenceAmnesia): "amnesia",
}

func newQueryEvidenceCommand() *cobra.Command {
	var f queryFlags
	var limit int
	cmd := &cobra.Command{
		Use:   "evidence [HASH]",
		Short: "Who was jailed, by which evidence",
		Long: `A validator that signed two messages that contradict each other is jailed by the
block that holds the evidence, which ends its epoch. Without HASH, the last blocks
of the newest epochs are looked through, as far as the node keeps them; each hit is
proven by the ledger's row.`,
		Example: `  bedrock query evidence --output json
  bedrock query evidence 5e1f… --prove evidence.proof`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > maxEpochsShown {
				return fmt.Errorf("--limit %d: use 1 to %d", limit, maxEpochsShown)
			}
			if len(args) == 0 && f.prove != "" {
				return errors.New("--prove proves one piece of evidence: name its hash")
			}
			c, g, err := f.connect(cmd)
			if err != nil {
				return err
			}
			list := []evidenceResult{}
			if len(args) == 1 {
				hash, err := ledger.ParseID(args[0])
				if err != nil {
					return fmt.Errorf("hash of evidence: %w", err)
				}
				s, one, err := readEvidence(cmd.Context(), c, hash)
				if err != nil {
					return err
				}
				if err := f.keep(cmd, s.Message, c); err != nil {
					return err
				}
				if one != nil {
					list = append(list, *one)
				}
			} else if list, err = searchEvidence(cmd.Context(), c, g.Epoch(), limit); err != nil {
				return err
			}
			if err := nameEvidence(cmd.Context(), c, list); err != nil {
				return err
			}
			return show(cmd, map[string]any{"evidence": list}, func(w io.Writer) {
				if len(list) == 0 {
					fmt.Fprintln(w, "no evidence: nobody was jailed")
				}
				for _, e := range list {
					fmt.Fprintf(w, "%s\n  %s of epoch %d, at height %d\n  validator %s %s (now %s)\n", e.Hash, e.Kind, e.Epoch, e.Height, e.Moniker, e.Validator, e.Status)
				}
			})
		},
	}
	f.add(cmd, false)
	cmd.Flags().IntVar(&limit, "limit", 100, fmt.Sprintf("how many of the newest epochs are looked through, up to %d", maxEpochsShown))
	return cmd
}

// readEvidence reads and verifies the row of one; nil: nobody was jailed by it.
func readEvidence(ctx context.Context, c *client.Client, hash ledger.ID) (*client.State, *evidenceResult, error) {
	s, err := c.Query(ctx, "evidence/"+hash.String(), nil, 0, ledger.EvidenceKey(hash))
	if err != nil || s.Absent {
		return s, nil, err
	}
	j, err := ledger.DecodeJailing(s.Value)
	if err != nil {
		return s, nil, err
	}
	kind := evidenceKinds[j.Kind]
	if kind == "" {
		kind = fmt.Sprintf("kind %d", j.Kind)
	}
	return s, &evidenceResult{Hash: hash, Kind: kind, Epoch: j.Epoch, Validator: j.Validator, Height: j.Height}, nil
}

// searchEvidence looks through the blocks that ended the newest epochs.
func searchEvidence(ctx context.Context, c *client.Client, trusted types.Epoch, limit int) ([]evidenceResult, error) {
	e, err := readEpochs(ctx, c, trusted)
	if err != nil {
		return nil, err
	}
	out := []evidenceResult{}
	seen := map[types.Hash]bool{}
	for i := len(e.first) - 1; i > 0 && i >= len(e.first)-limit; i-- {
		holds, err := holdsEvidence(ctx, c, e.first[i]-1, e.before[i])
		if connect.CodeOf(err) == connect.CodeOutOfRange {
			break // pruned here
		}
		if err != nil {
			return nil, err
		}
		if !holds {
			continue
		}
		b, err := c.BlockByID(ctx, e.before[i])
		if err != nil {
			return nil, err
		}
		for _, raw := range b.Block.Evidence {
			ev, err := types.DecodeEvidence(raw)
			if err != nil {
				return nil, fmt.Errorf("evidence of height %d: %w", e.first[i]-1, err)
			}
			hash := ev.Hash()
			if seen[hash] {
				continue
			}
			seen[hash] = true
			_, one, err := readEvidence(ctx, c, ledger.ID(hash))
			if err != nil {
				return nil, err
			}
			if one != nil {
				out = append(out, *one)
			}
		}
	}
	return out, nil
}

// holdsEvidence tells by a header, without its transactions, whether the block that
// ended an epoch holds evidence; the next epoch's certificate has its id.
func holdsEvidence(ctx context.Context, c *client.Client, height uint64, id types.Hash) (bool, error) {
	res, err := c.RPC().ListBlocks(ctx, connect.NewRequest(&nodev1.ListBlocksRequest{NewestHeight: height, Limit: 1}))
	if err != nil {
		return false, err
	}
	if len(res.Msg.Blocks) != 1 {
		return false, fmt.Errorf("%w: %s has no block of height %d", client.ErrUnverified, c.URL(), height)
	}
	header, err := codec.HeaderFrom(res.Msg.Blocks[0].Header)
	if err != nil || header.ID() != id {
		return false, fmt.Errorf("%w: %s names another block of height %d than its certificate", client.ErrUnverified, c.URL(), height)
	}
	return header.EvidenceRoot != types.ListRoot(nil), nil
}

// nameEvidence says who the validators are now.
func nameEvidence(ctx context.Context, c *client.Client, list []evidenceResult) error {
	if len(list) == 0 {
		return nil
	}
	members, _, err := readMembers(ctx, c, 0)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Status = ledger.StatusLeft.String()
		for j := range members {
			if members[j].Name == list[i].Validator {
				list[i].Moniker, list[i].Status = members[j].Moniker, members[j].Status.String()
			}
		}
	}
	return nil
}
