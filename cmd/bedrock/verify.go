package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/proof"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

func newVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "verify", Short: "Check proofs, without any node"}
	cmd.AddCommand(newVerifyProofCommand())
	return cmd
}

// verdict is what a proof proves.
type verdict struct {
	Valid            bool   `json:"valid"`
	GenesisHash      string `json:"genesis_hash"`
	Kind             string `json:"kind"` // state, transaction, event or block
	Height           uint64 `json:"height"`
	CertifiedHeight  uint64 `json:"certified_height"`
	CertificateEpoch uint64 `json:"certificate_epoch"`
	BlockID          string `json:"block_id"`
	StateRoot        string `json:"state_root"`
	OutcomeHash      string `json:"outcome_hash"`
	// State.
	Key     string          `json:"key,omitempty"` // hex
	Absent  bool            `json:"absent,omitempty"`
	Value   string          `json:"value,omitempty"` // hex
	Account *ledger.Account `json:"account,omitempty"`
	Record  *ledger.Record  `json:"record,omitempty"`
	Meaning string          `json:"meaning,omitempty"`
	// Transaction or event.
	TxHash string  `json:"tx_hash,omitempty"`
	Code   *uint32 `json:"code,omitempty"`
	Event  string  `json:"event,omitempty"`
}

func newVerifyProofCommand() *cobra.Command {
	var genesisFile string
	cmd := &cobra.Command{
		Use:   "proof FILE --genesis G",
		Short: "Check a proof that `query --prove` wrote",
		Long: `Checks a proof offline: epoch certificates from genesis, commit certificate, outcome
chain, and inclusion or absence. Nothing is needed but the genesis document; any
changed byte is refused, and the exit code is not 0 then.`,
		Example: "  bedrock verify proof record.proof --genesis net/genesis.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := genesis.Load(genesisFile)
			if err != nil {
				return err
			}
			raw, err := readFile(cmd, args[0], proof.MaxBytes)
			if err != nil {
				return err
			}
			p, err := proof.Decode(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			r, err := proof.Verify(p, g.Hash(), g.Epoch())
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			v := judge(g, r)
			return show(cmd, v, func(w io.Writer) { v.print(w) })
		},
	}
	cmd.Flags().StringVar(&genesisFile, "genesis", "", "the chain's genesis document")
	must(cmd.MarkFlagRequired("genesis"))
	addOutputFlag(cmd)
	return cmd
}

func judge(g *genesis.Genesis, r *proof.Result) *verdict {
	v := &verdict{Valid: true, GenesisHash: g.Hash().String(), Height: r.Height, CertifiedHeight: r.Certified, CertificateEpoch: r.CertificateEpoch,
		BlockID: r.Outcome.Block.String(), StateRoot: r.Outcome.StateRoot.String(), OutcomeHash: r.Outcome.Hash().String()}
	switch {
	case r.State != nil:
		v.Kind, v.Key, v.Absent, v.Value = "state", hex.EncodeToString(r.State.Key), r.State.Absent, hex.EncodeToString(r.State.Value)
		v.explain(r.State)
	case r.Transaction != nil:
		hash, code := r.Transaction.Receipt.TxHash, r.Transaction.Receipt.Code
		v.Kind, v.TxHash, v.Code = "transaction", hex.EncodeToString(hash[:]), &code
	case r.Event != nil:
		v.Kind, v.TxHash, v.Event = "event", r.Event.TxHash.String(), r.Event.Event.Type
	case r.Block != nil:
		v.Kind = "block"
	}
	return v
}

// explain reads keys and rows of the ledger that ships; of another state machine
// they stay bytes.
func (v *verdict) explain(s *proof.State) {
	if v.Meaning = governanceRow(s.Key); v.Meaning != "" {
		if m, err := ledger.DecodeValidator(s.Value); err == nil && !s.Absent && s.Key[0] == ledger.ValidatorsKey()[0] {
			v.Meaning += fmt.Sprintf(": %s, %s, power %d, identity %s", m.Moniker, m.Status, m.Power, m.Identity)
		}
		return
	}
	const prefix = 1 + len(ledger.Address{})
	if len(s.Key) < prefix {
		return
	}
	address := ledger.Address(s.Key[1:prefix])
	switch {
	case string(s.Key) == string(ledger.AccountKey(address)):
		v.Meaning = "account " + address.String()
		if a, err := ledger.DecodeAccount(s.Value); err == nil && !s.Absent {
			v.Account = &a
		}
	case len(s.Key) > prefix && string(s.Key) == string(ledger.RecordKey(address, s.Key[prefix:])):
		v.Meaning = fmt.Sprintf("record %q of %s", s.Key[prefix:], address)
		if r, err := ledger.DecodeRecord(s.Value); err == nil && !s.Absent {
			v.Record = &r
		}
	}
}

// governanceRow says which row of governance a raw key is of; empty: none.
func governanceRow(key []byte) string {
	for name, single := range map[string][]byte{
		"the parameters": ledger.ParametersKey(), "the authority": ledger.AuthorityKey(), "the list of validators": ledger.ValidatorsKey(), "the scheduled upgrade": ledger.UpgradeKey(),
	} {
		if string(key) == string(single) {
			return name
		}
	}
	if len(key) == 9 {
		if n := binary.BigEndian.Uint64(key[1:]); string(key) == string(ledger.EpochKey(n)) {
			return fmt.Sprintf("epoch %d", n)
		}
	}
	if len(key) != 33 {
		return ""
	}
	switch id := ledger.ID(key[1:]); string(key) {
	case string(ledger.ValidatorKey(id)):
		return "validator " + id.String()
	case string(ledger.ModuleReadyKey(id)):
		return "readiness of validator " + id.String()
	case string(ledger.EvidenceKey(id)):
		return "evidence " + id.String()
	}
	return ""
}

func (v *verdict) print(w io.Writer) {
	fmt.Fprintf(w, "The proof holds under genesis %s.\n\nkind         %s\nheight       %d (final by the certificate of height %d, epoch %d)\nblock        %s\nstate root   %s\n",
		v.GenesisHash, v.Kind, v.Height, v.CertifiedHeight, v.CertificateEpoch, v.BlockID, v.StateRoot)
	if v.TxHash != "" {
		fmt.Fprintf(w, "transaction  %s\n", v.TxHash)
	}
	if v.Code != nil {
		fmt.Fprintf(w, "code         %d (%s)\n", *v.Code, ledger.CodeName(*v.Code))
	}
	if v.Event != "" {
		fmt.Fprintf(w, "event        %s\n", v.Event)
	}
	if v.Key == "" {
		return
	}
	fmt.Fprintf(w, "key          %s\n", v.Key)
	if v.Meaning != "" {
		fmt.Fprintf(w, "             %s\n", v.Meaning)
	}
	switch {
	case v.Absent:
		fmt.Fprintln(w, "             is absent")
	case v.Account != nil:
		fmt.Fprintf(w, "balance      %s\nnonce        %d\n", v.Account.Balance, v.Account.Nonce)
	case v.Record != nil:
		fmt.Fprintf(w, "data         %q\nwritten      at height %d\n", v.Record.Data, v.Record.Height)
	default:
		fmt.Fprintf(w, "value        %s\n", v.Value)
	}
}
