package genesis

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bedrock-bft/bedrock/node/types"
)

// MaxBytes bounds a genesis file.
const MaxBytes = 64 << 20

// Document is the genesis document. Its JSON members are sorted by name in the
// file; docs/encodings.md lists them.
type Document struct {
	AppState json.RawMessage `json:"app_state"` // the executor's own, opaque here
	Block    Block           `json:"block"`
	ChainID  string          `json:"chain_id"` // 1 to 48 of a-z, 0-9 and '-'
	// Continues is in recovery geneses alone. // rule: recovery-genesis
	Continues    *Continues  `json:"continues,omitempty"`
	Engine       uint32      `json:"engine"` // engine number of epoch 1
	ExecutorHash types.Hash  `json:"executor_hash"`
	Scheme       string      `json:"scheme"`  // ed25519 or bls12381
	TimeMs       uint64      `json:"time_ms"` // Unix time of height 0
	Timing       Timing      `json:"timing"`
	Validators   []Validator `json:"validators"` // in the set's order
}

// Block holds the limits of epoch 1.
type Block struct {
	MaxBytes uint64 `json:"max_bytes"` // payload, 64 KiB to 16 MiB
	MaxGas   uint64 `json:"max_gas"`   // sum of gas limits
}

// Timing holds the protocol's times, equal for all nodes (docs/protocol.md).
type Timing struct {
	BaseMs           uint64 `json:"base_ms"`
	CapMs            uint64 `json:"cap_ms"`
	DriftMs          uint64 `json:"drift_ms"`
	ExecutionLimitMs uint64 `json:"execution_limit_ms"`
	GrowthPermille   uint64 `json:"growth_permille"`
	IdleIntervalMs   uint64 `json:"idle_interval_ms"`
	ResendMs         uint64 `json:"resend_ms"`
	SettleMs         uint64 `json:"settle_ms"`
}

// Validator is one member of the first set.
type Validator struct {
	ConsensusKey Hex    `json:"consensus_key"`
	Moniker      string `json:"moniker"` // for people; at most 64 bytes
	NetworkKey   Hex    `json:"network_key"`
	Possession   Hex    `json:"possession"` // empty for ed25519
	Power        uint64 `json:"power"`
}

// Hex is bytes written in lower-case hex.
type Hex []byte

// MarshalText writes lower-case hex.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads lower-case hex of at most 512 digits.
func (h *Hex) UnmarshalText(text []byte) error {
	if len(text) > 512 {
		return fmt.Errorf("hex string of %d digits, at most 512", len(text))
	}
	b, err := hex.DecodeString(string(text))
	if err != nil || hex.EncodeToString(b) != string(text) {
		return fmt.Errorf("%q is not lower-case hex", text)
	}
	*h = b
	return nil
}

// DevnetTiming is for one machine or one rack.
func DevnetTiming() Timing {
	return Timing{
		SettleMs: 100, BaseMs: 1000, GrowthPermille: 1500, CapMs: 4000,
		IdleIntervalMs: 10_000, ExecutionLimitMs: 5000, ResendMs: 250, DriftMs: 500,
	}
}

// WideAreaTiming is for validators far from each other.
func WideAreaTiming() Timing {
	return Timing{
		SettleMs: 500, BaseMs: 2000, GrowthPermille: 1500, CapMs: 15_000,
		IdleIntervalMs: 10_000, ExecutionLimitMs: 10_000, ResendMs: 250, DriftMs: 1000,
	}
}

// Genesis is a checked document with its bytes and hash. Immutable.
type Genesis struct {
	Document
	raw  []byte
	hash types.Hash
}

// Hash is the genesis hash: the SHA-256 of the file.
func (g *Genesis) Hash() types.Hash { return g.hash }

// Bytes is the file. Callers do not change it.
func (g *Genesis) Bytes() []byte { return g.raw }

// New checks doc and writes it in canonical form.
func New(doc Document) (*Genesis, error) {
	canonical, err := doc.encode()
	if err != nil {
		return nil, fmt.Errorf("write genesis document: %w", err)
	}
	return Parse(canonical)
}

func (d *Document) encode() ([]byte, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return Canonical(b)
}

// Parse reads and checks a genesis file's bytes.
func Parse(raw []byte) (*Genesis, error) {
	canonical, err := Canonical(raw)
	if err != nil {
		return nil, fmt.Errorf("genesis document: %w: get the original file", err)
	}
	if !bytes.Equal(canonical, raw) {
		return nil, fmt.Errorf("genesis document is not canonical JSON (first difference at byte %d): "+
			"its hash would not be the chain's; get the original file, or for a chain that has not started write it anew with `bedrock genesis format FILE`",
			firstDifference(canonical, raw))
	}
	var doc Document
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("genesis document: %w", err)
	}
	if err := checkMembers(raw); err != nil {
		return nil, fmt.Errorf("genesis document: %w", err)
	}
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("genesis document: %w", err)
	}
	// What a reader of the JSON package lets pass (a name in other letters, a
	// member of a validator left out) shows in the document written anew.
	again, err := doc.encode()
	if err != nil {
		return nil, fmt.Errorf("genesis document: %w", err)
	}
	if !bytes.Equal(again, raw) {
		at := firstDifference(again, raw)
		return nil, fmt.Errorf("genesis document: a member is missing or not spelled as it should be, at byte %d (%.40q)", at, raw[at:])
	}
	return &Genesis{Document: doc, raw: bytes.Clone(raw), hash: types.SumHash(raw)}, nil
}

// Load reads a genesis file.
func Load(path string) (*Genesis, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no genesis file at %s: copy the network's genesis.json there, or make a network with `bedrock init`", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read genesis file: %w", err)
	}
	if info.Size() > MaxBytes {
		return nil, fmt.Errorf("genesis file %s has %d bytes, at most %d", path, info.Size(), MaxBytes)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read genesis file: %w", err)
	}
	g, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
