package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

func newTxAuthorityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "authority",
		Short: "What the authority decides: power, executors, parameters, itself",
		Long: `The authority is a set of keys of which so many must sign ("bedrock query
authority"). An account (--key) pays; it may be one of them, and then signs as one
too. Further keys of the authority are named with --authority-key.

Where keys are in several hands, --draft writes a half-signed transaction instead
of sending it. Each holder adds a signature with "bedrock tx authority sign",
offline, and whoever has it last sends it with "bedrock tx send". Its body, the
payer's nonce included, is fixed from the start: pay from an account that sends
nothing else meanwhile.`,
	}
	cmd.AddCommand(newWeighCommand(), newScheduleCommand(), newCancelCommand(), newSetCommand(), newAuthoritySignCommand())
	return cmd
}

// authorityFlags are those of operations of the authority.
type authorityFlags struct {
	txFlags
	keys    []string
	indexes []string
	draft   string
}

func (f *authorityFlags) add(cmd *cobra.Command) {
	f.txFlags.add(cmd)
	cmd.Flags().StringArrayVar(&f.keys, "authority-key", nil, "keystore of a key of the authority that signs too; once for each")
	cmd.Flags().StringSliceVar(&f.indexes, "authority-index", nil, "with --accounts: which accounts sign too, as for --index (default: as many of its authority as are needed)")
	cmd.Flags().StringVar(&f.draft, "draft", "", "write the half-signed transaction to this file, for other key holders, and send nothing")
}

// submit signs an operation with all keys at hand and sends it, or writes a draft.
func (f *authorityFlags) submit(s *txSession, op ledger.Operation) error {
	if f.draft != "" && f.out != "" {
		return errors.New("--draft and --sign-only both say where it goes: give one")
	}
	authority, err := authorityOf(s.cmd, s.c)
	if err != nil {
		return err
	}
	body, err := s.body(op)
	if err != nil {
		return err
	}
	if f.gasLimit == 0 {
		body.GasLimit = ledger.GasLimitOf(op, len(authority.Keys))
	}
	d, err := ledger.NewDraft(body)
	if err != nil {
		return err
	}
	if err := d.SignAsPayer(s.key); err != nil {
		return err
	}
	if err := f.cosign(s, d, authority); err != nil {
		return err
	}
	if f.draft != "" {
		return keepDraft(s.cmd, d, f.draft)
	}
	if err := enough(d, authority); err != nil {
		return err
	}
	tx, err := d.Transaction()
	if err != nil {
		return err
	}
	return s.finish(tx)
}

// cosign adds the signatures of all keys at hand that are the authority's.
func (f *authorityFlags) cosign(s *txSession, d *ledger.Draft, authority *ledger.Authority) error {
	if slices.Contains(authority.Keys, s.public()) {
		if err := d.Sign(s.key); err != nil {
			return err
		}
	}
	for _, path := range f.keys {
		one := txFlags{key: path, pw: f.pw}
		key, err := one.signer(s.cmd)
		if err != nil {
			return fmt.Errorf("--authority-key: %w", err)
		}
		if err := d.Sign(key); err != nil {
			return err
		}
	}
	indexes := f.indexes
	if f.accounts != "" && len(indexes)+len(f.keys) == 0 && f.draft == "" {
		for i := range int(authority.Threshold) {
			indexes = append(indexes, fmt.Sprintf("authority%d", i))
		}
	}
	for _, index := range indexes {
		one := txFlags{accounts: f.accounts, index: index}
		key, err := one.signer(s.cmd)
		if err != nil {
			return fmt.Errorf("--authority-index: %w", err)
		}
		if err := d.Sign(key); err != nil {
			return err
		}
	}
	return nil
}

func newWeighCommand() *cobra.Command {
	var f authorityFlags
	var fewer bool
	cmd := &cobra.Command{
		Use:   "weigh VALIDATOR=POWER …",
		Short: "Set the power of validators; 0 takes one out for good",
		Long: `Brings ready candidates in, at most one newcomer an epoch, and jailed validators
back after they were rotated and are ready. It ends the epoch.`,
		Example: `  bedrock tx authority weigh fifth=10 --key treasury.json --authority-key a.json --authority-key b.json
  bedrock tx authority weigh fifth=10 node0=12 --accounts devnet/accounts.json
  bedrock tx authority weigh fifth=10 --key payer.json --draft weigh.json`,
		Args: cobra.RangeArgs(1, ledger.MaxValidators),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := f.begin(cmd)
			if err != nil {
				return err
			}
			op := ledger.Weigh{Flags: flags(fewer)}
			for _, arg := range args {
				which, power, err := splitNumber(arg, "VALIDATOR=POWER")
				if err != nil {
					return err
				}
				m, err := s.find(which)
				if err != nil {
					return err
				}
				op.Weights = append(op.Weights, ledger.Weight{Validator: m.Name, Power: power})
			}
			slices.SortFunc(op.Weights, func(a, b ledger.Weight) int { return bytes.Compare(a.Validator[:], b.Validator[:]) })
			return f.submit(s, op)
		},
	}
	f.add(cmd)
	addFewer(cmd, &fewer)
	return cmd
}

// splitNumber reads NAME=NUMBER.
func splitNumber(arg, want string) (string, uint64, error) {
	at := strings.LastIndexByte(arg, '=')
	if at <= 0 {
		return "", 0, fmt.Errorf("%q: write %s", arg, want)
	}
	n, err := strconv.ParseUint(arg[at+1:], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("%q: write %s, with a whole number", arg, want)
	}
	return arg[:at], n, nil
}

func newScheduleCommand() *cobra.Command {
	var f authorityFlags
	op := ledger.Schedule{}
	cmd := &cobra.Command{
		Use:   "schedule (HASH | FILE.wasm) --not-before H --not-after H",
		Short: "Plan another executor",
		Long: `The change is made by the first block in the window of heights at which a quorum of
the power has said that it has the module, compiled and rehearsed. If that does not
come about, it lapses. Give the module to the nodes first ("bedrock executor add");
nodes also fetch it from each other by its hash.`,
		Example: `  bedrock tx authority schedule next.wasm --not-before 5000 --not-after 9000 --key treasury.json
  bedrock tx authority schedule 5e1f… --engine 1 --not-before 5000 --not-after 9000 --accounts devnet/accounts.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if op.Executor, err = executorHash(cmd, args[0]); err != nil {
				return err
			}
			s, err := f.begin(cmd)
			if err != nil {
				return err
			}
			status, err := s.c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if op.NotAfter <= status.FinalHeight {
				return fmt.Errorf("--not-after %d: the chain is at height %d", op.NotAfter, status.FinalHeight)
			}
			return f.submit(s, op)
		},
	}
	f.add(cmd)
	cmd.Flags().Uint32Var(&op.Engine, "engine", 1, "engine number that the module runs under")
	cmd.Flags().Uint64Var(&op.NotBefore, "not-before", 0, "first height of the window")
	cmd.Flags().Uint64Var(&op.NotAfter, "not-after", 0, "last height of the window")
	must(cmd.MarkFlagRequired("not-before"))
	must(cmd.MarkFlagRequired("not-after"))
	return cmd
}

// executorHash is a hash that was given, or that of a module's file.
func executorHash(cmd *cobra.Command, arg string) (ledger.ID, error) {
	if hash, err := ledger.ParseID(arg); err == nil {
		return hash, nil
	}
	_, hash, err := chooseModule(cmd, arg)
	if err != nil {
		return ledger.ID{}, fmt.Errorf("%q is neither an executor hash of 64 hex digits nor a module that is accepted: %w", arg, err)
	}
	return ledger.ID(hash), nil
}

func newCancelCommand() *cobra.Command {
	var f authorityFlags
	cmd := &cobra.Command{
		Use:     "cancel [HASH]",
		Short:   "Take back the executor that is scheduled",
		Example: "  bedrock tx authority cancel --key treasury.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := f.begin(cmd)
			if err != nil {
				return err
			}
			row, err := s.c.Query(cmd.Context(), "upgrade", nil, 0, ledger.UpgradeKey())
			if err != nil {
				return err
			}
			if row.Absent {
				return errors.New("nothing is scheduled")
			}
			u, err := ledger.DecodeUpgrade(row.Value)
			if err != nil {
				return err
			}
			if len(args) == 1 && args[0] != u.Executor.String() {
				return fmt.Errorf("%s is not scheduled: %s is", args[0], u.Executor)
			}
			return f.submit(s, ledger.Cancel{Executor: u.Executor})
		},
	}
	f.add(cmd)
	return cmd
}

func newSetCommand() *cobra.Command {
	var f authorityFlags
	var threshold uint16
	var members []string
	cmd := &cobra.Command{
		Use:   "set (NAME=VALUE … | --threshold M --member PUBLIC_KEY …)",
		Short: "Set parameters, or another authority",
		Long: `Parameters count from the next epoch on, which begins with the block after. Their
names and values: "bedrock query parameters".

With --threshold and --member the whole set of keys is replaced: the new one must
hold those that stay, too.`,
		Example: `  bedrock tx authority set min_gas_price=2 max_tx_bytes=65536 --key treasury.json
  bedrock tx authority set --threshold 2 --member 5e1f… --member 77ab… --member 90cc… --key treasury.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			op, err := parseSet(args, threshold, members)
			if err != nil {
				return err
			}
			s, err := f.begin(cmd)
			if err != nil {
				return err
			}
			return f.submit(s, op)
		},
	}
	f.add(cmd)
	cmd.Flags().Uint16Var(&threshold, "threshold", 0, "how many of the new authority's keys must sign")
	cmd.Flags().StringArrayVar(&members, "member", nil, "public key of the new authority; once for each")
	return cmd
}

func parseSet(args []string, threshold uint16, members []string) (ledger.Operation, error) {
	if (len(args) > 0) == (threshold > 0 || len(members) > 0) {
		return nil, errors.New("say what is set: parameters as NAME=VALUE, or another authority with --threshold and --member")
	}
	if len(args) == 0 {
		a := ledger.SetAuthority{Threshold: threshold}
		for _, text := range members {
			key, err := ledger.ParseID(text)
			if err != nil {
				return nil, fmt.Errorf("--member: a public key (`bedrock keys show`): %w", err)
			}
			a.Keys = append(a.Keys, key)
		}
		slices.SortFunc(a.Keys, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
		return a, nil
	}
	var settings ledger.SetParameters
	for _, arg := range args {
		name, value, err := splitNumber(arg, "NAME=VALUE")
		if err != nil {
			return nil, err
		}
		index, err := ledger.ParameterIndex(name)
		if err != nil {
			return nil, err
		}
		settings = append(settings, ledger.Setting{Index: index, Value: value})
	}
	slices.SortFunc(settings, func(a, b ledger.Setting) int { return int(a.Index) - int(b.Index) })
	return settings, nil
}

// writeWhole writes a file aside and renames it into place.
func writeWhole(path string, data []byte) error {
	aside := path + ".tmp"
	if err := os.WriteFile(aside, data, 0o600); err != nil {
		return err
	}
	return os.Rename(aside, path)
}
