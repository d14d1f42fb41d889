package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
)

// ledgerPaths is the state key that a path of the ledger's queries names.
func ledgerPaths(path string, _ []byte) []byte {
	kind, rest, _ := strings.Cut(path, "/")
	id, _ := ledger.ParseID(rest)
	switch kind {
	case "account":
		address, err := ledger.ParseAddress(rest)
		if err != nil {
			return nil
		}
		return ledger.AccountKey(address)
	case "validators":
		return ledger.ValidatorsKey()
	case "validator":
		return ledger.ValidatorKey(id)
	case "key_holder":
		return ledger.HolderKey(id[:])
	case "authority":
		return ledger.AuthorityKey()
	case "upgrade":
		return ledger.UpgradeKey()
	case "params":
		return ledger.ParametersKey()
	case "evidence":
		return ledger.EvidenceKey(id)
	case "epoch":
		n, err := strconv.ParseUint(rest, 10, 64)
		if err != nil {
			return nil
		}
		return ledger.EpochKey(n)
	}
	return nil
}

func u32(n int) []byte    { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func u64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// validatorRow is a row as docs/encodings.md has it.
func validatorRow(v ledger.Validator) []byte {
	ready := byte(0)
	if v.Ready {
		ready = 1
	}
	return bytes.Join([][]byte{{byte(v.Status), ready}, v.Identity[:], v.Owner[:], v.Delegate[:], u64(v.Power), u64(v.LeaseEnd), u64(v.Since), u64(v.Rotated), u64(v.JailedEpoch),
		u32(len(v.ConsensusKey)), v.ConsensusKey, u32(len(v.Possession)), v.Possession, u32(len(v.Moniker)), []byte(v.Moniker)}, nil)
}

// governed is a chain in memory with the ledger's rows: four validators of account
// 0 in the set (node3's lease runs, node2 has account 5 as its delegate), a ready
// candidate, a jailed one with node0's moniker, and one that left. Two of the
// file's three keys are the authority.
type governed struct {
	dir, url string
	keys     *home.Accounts
	names    map[string]ledger.ID
	identity map[string]ledger.ID
	evidence ledger.ID // that jailed the cheat, in the last block of epoch 1
}

func (g *governed) key(t *testing.T, i int) ed25519.PrivateKey {
	t.Helper()
	k, err := g.keys.Key(i)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (g *governed) public(t *testing.T, i int) ledger.ID {
	t.Helper()
	return ledger.ID(g.key(t, i).Public().(ed25519.PublicKey))
}

func (g *governed) file(name string) string { return filepath.Join(g.dir, name) }

func newGoverned(t *testing.T) *governed {
	t.Helper()
	g := &governed{dir: t.TempDir(), names: map[string]ledger.ID{}, identity: map[string]ledger.ID{}}
	mustRun(t, "init", "--chain-id", "keys", "--validators", "1", "--dir", g.file("net"), "--accounts", "9")
	var err error
	if g.keys, err = home.LoadAccounts(g.file("net/accounts.json")); err != nil {
		t.Fatal(err)
	}
	rows := map[string][]byte{}
	put := func(key, row []byte) { rows[string(key)] = row }
	owner := g.public(t, 0)
	var listed []byte
	count := 0
	add := func(moniker string, identity ledger.ID, v ledger.Validator) {
		v.Identity, v.Owner, v.Moniker, v.ConsensusKey = identity, ledger.AddressOf(owner[:]), strings.TrimSuffix(moniker, "!"), identity[:]
		name := ledger.ValidatorName(identity)
		g.names[moniker], g.identity[moniker] = name, identity
		put(ledger.ValidatorKey(name), validatorRow(v))
		put(ledger.HolderKey(identity[:]), name[:])
		if v.Status != ledger.StatusLeft {
			listed = append(listed, name[:]...)
			count++
		}
	}
	for i := range 4 {
		v := ledger.Validator{Status: ledger.StatusActive, Power: 10, Since: 1}
		if i == 2 {
			v.Delegate = g.public(t, 5)
		}
		if i == 3 {
			v.LeaseEnd = 1_790_000_900_000
		}
		add(fmt.Sprintf("node%d", i), sha256.Sum256(fmt.Appendf(nil, "network %d", i)), v)
	}
	add("fifth", sha256.Sum256([]byte("fifth")), ledger.Validator{Status: ledger.StatusCandidate, Ready: true, Since: 3})
	add("node0!", sha256.Sum256([]byte("cheat")), ledger.Validator{Status: ledger.StatusJailed, Since: 2})
	add("gone", sha256.Sum256([]byte("gone")), ledger.Validator{Status: ledger.StatusLeft, Since: 2})
	put(ledger.ValidatorsKey(), append(u32(count), listed...))
	var authority []ledger.ID
	for _, record := range g.keys.Authority.Keys {
		key, err := record.Key()
		if err != nil {
			t.Fatal(err)
		}
		authority = append(authority, ledger.ID(key.Public().(ed25519.PublicKey)))
	}
	slices.SortFunc(authority, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	put(ledger.AuthorityKey(), bytes.Join([][]byte{{2, 0, 3, 0}, authority[0][:], authority[1][:], authority[2][:]}, nil))
	first, second := g.names["node0"], g.names["node1"]
	if bytes.Compare(first[:], second[:]) > 0 {
		first, second = second, first
	}
	put(ledger.UpgradeKey(), bytes.Join([][]byte{bytes.Repeat([]byte{8}, 32), u32(1), u64(2), u64(500), u64(1), u32(2), first[:], second[:]}, nil))
	var parameters []byte
	for i := range ledger.ParameterNames {
		parameters = append(parameters, u64(uint64(100+i))...)
	}
	put(ledger.ParametersKey(), parameters)
	cheat := g.names["node0!"]
	commit := func(b byte) types.EvidenceMessage {
		return types.EvidenceMessage{Commit: &types.Commit{View: 1, Height: 2, Block: types.Hash{b}, Outcome: types.Hash{b}}, Signature: make([]byte, 64)}
	}
	twice := types.NewEvidence(types.EvidenceCommits, 1, 0, commit(1), commit(2))
	g.evidence = ledger.ID(twice.Hash())
	put(ledger.EvidenceKey(g.evidence), bytes.Join([][]byte{cheat[:], u64(1), {3}, u64(2)}, nil))
	for i := range 9 {
		public := g.public(t, i)
		put(ledger.AccountKey(ledger.AddressOf(public[:])), append(append(u64(uint64(40+i)), 1), make([]byte, 15)...))
	}
	chain := rpctest.New(rpctest.Options{State: rows, KeyOf: ledgerPaths})
	chain.Commit()
	chain.AddEvidence(twice.Encode())
	chain.CommitAndEndEpoch()
	chain.Commit()
	g.url, _ = rpctest.Serve(t, chain, rpc.Options{})
	return g
}

// tx runs a command with --sign-only and answers what it signed.
func (g *governed) tx(t *testing.T, account int, args ...string) *ledger.Transaction {
	t.Helper()
	out := filepath.Join(t.TempDir(), "tx")
	mustRun(t, g.args(account, append(args, "--sign-only", out)...)...)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := ledger.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func (g *governed) args(account int, args ...string) []string {
	return append(append([]string{"tx"}, args...), "--node", g.url, "--accounts", g.file("net/accounts.json"), "--index", strconv.Itoa(account))
}
