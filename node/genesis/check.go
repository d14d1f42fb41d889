package genesis

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Bounds of a document. Times are in milliseconds.
const (
	MaxChainID      = 48
	MaxMoniker      = 64
	MinBlockBytes   = 64 << 10
	MaxBlockBytes   = types.MaxBlockBytes
	MaxTimeMs       = 1 << 42 // the year 2109
	maxTotalPower   = types.MaxTotalPower - 1
	maxIntervalMs   = 600_000
	maxGrowth       = 4_000
	minGrowth       = 1_000
	minResendMs     = 10
	maxDriftMs      = 60_000
	baseOverSettle  = 3
	networkKeyBytes = 32
)

var chainIDForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,47}$`)

// CheckChainID says whether s can name a chain.
func CheckChainID(s string) error {
	if !chainIDForm.MatchString(s) {
		return fmt.Errorf("chain id %q: use 1 to %d of a-z, 0-9 and '-', beginning with a letter or digit", s, MaxChainID)
	}
	return nil
}

// ParseScheme reads a scheme's name.
func ParseScheme(name string) (types.SchemeID, error) {
	s, err := types.SchemeByName(name)
	if err != nil {
		return 0, err
	}
	return s.ID(), nil
}

// SchemeName is the name that ParseScheme reads.
func SchemeName(id types.SchemeID) string {
	s, err := types.SchemeByID(id)
	if err != nil {
		return fmt.Sprintf("scheme-%d", id)
	}
	return s.Name()
}

// checkMembers refuses a document that lacks a member: a zero must be written.
func checkMembers(raw []byte) error {
	var have map[string]json.RawMessage
	if err := json.Unmarshal(raw, &have); err != nil {
		return err
	}
	want := []string{"app_state", "block", "chain_id", "engine", "executor_hash", "scheme", "time_ms", "timing", "validators"}
	if err := hasAll("", have, want); err != nil {
		return err
	}
	inner := map[string][]string{
		"block":  {"max_bytes", "max_gas"},
		"timing": {"base_ms", "cap_ms", "drift_ms", "execution_limit_ms", "growth_permille", "idle_interval_ms", "resend_ms", "settle_ms"},
	}
	for _, name := range []string{"block", "timing"} {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(have[name], &members); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := hasAll(name+".", members, inner[name]); err != nil {
			return err
		}
	}
	return nil
}

func hasAll(prefix string, have map[string]json.RawMessage, want []string) error {
	for _, name := range want {
		value, ok := have[name]
		if !ok {
			return fmt.Errorf("member %s%s is missing", prefix, name)
		}
		if string(value) == "null" {
			return fmt.Errorf("member %s%s is null", prefix, name)
		}
	}
	return nil
}

func (d *Document) check() error {
	if err := CheckChainID(d.ChainID); err != nil {
		return err
	}
	if d.TimeMs == 0 || d.TimeMs >= MaxTimeMs {
		return fmt.Errorf("time_ms %d: use the Unix time in milliseconds, 1 to %d", d.TimeMs, uint64(MaxTimeMs)-1)
	}
	if d.Engine == 0 {
		return errors.New("engine 0: engine numbers begin with 1")
	}
	if d.ExecutorHash.IsZero() {
		return errors.New("executor_hash is zero: write the module's SHA-256 (`bedrock executor hash FILE.wasm`)")
	}
	if d.Block.MaxBytes < MinBlockBytes || d.Block.MaxBytes > MaxBlockBytes {
		return fmt.Errorf("block.max_bytes %d: use %d to %d", d.Block.MaxBytes, MinBlockBytes, MaxBlockBytes)
	}
	if d.Block.MaxGas == 0 || d.Block.MaxGas > 1<<53 {
		return fmt.Errorf("block.max_gas %d: use 1 to %d", d.Block.MaxGas, uint64(1)<<53)
	}
	if d.Continues != nil {
		if err := d.Continues.check(); err != nil {
			return err
		}
	}
	if err := d.Timing.check(); err != nil {
		return err
	}
	return d.checkValidators()
}

func (t *Timing) check() error {
	for _, c := range []struct {
		name          string
		value, lo, hi uint64
		why           string
	}{
		{"settle_ms", t.SettleMs, 1, maxIntervalMs, ""},
		{"base_ms", t.BaseMs, baseOverSettle * t.SettleMs, maxIntervalMs, "at least 3 x settle_ms"},
		{"cap_ms", t.CapMs, t.BaseMs, maxIntervalMs, "at least base_ms"},
		{"growth_permille", t.GrowthPermille, minGrowth, maxGrowth, "1500 makes each timer 1.5 times the last"},
		{"idle_interval_ms", t.IdleIntervalMs, t.SettleMs, maxIntervalMs, "at least settle_ms"},
		{"execution_limit_ms", t.ExecutionLimitMs, 1, maxIntervalMs, ""},
		{"resend_ms", t.ResendMs, minResendMs, maxIntervalMs, ""},
		{"drift_ms", t.DriftMs, 1, maxDriftMs, ""},
	} {
		if c.value < c.lo || c.value > c.hi {
			why := ""
			if c.why != "" {
				why = " (" + c.why + ")"
			}
			return fmt.Errorf("timing.%s %d: use %d to %d%s", c.name, c.value, c.lo, c.hi, why)
		}
	}
	return nil
}

func (d *Document) checkValidators() error {
	scheme, err := ParseScheme(d.Scheme)
	if err != nil {
		return err
	}
	most := types.MaxValidators
	if scheme == types.SchemeEd25519 {
		most = types.MaxValidatorsEd25519
	}
	if len(d.Validators) == 0 || len(d.Validators) > most {
		return fmt.Errorf("%d validators: use 1 to %d with scheme %s", len(d.Validators), most, d.Scheme)
	}
	seen := map[[sha256.Size]byte]int{}
	var total uint64
	for i := range d.Validators {
		v := &d.Validators[i]
		if err := v.check(scheme); err != nil {
			return fmt.Errorf("validators[%d] (%.64q): %w", i, v.Moniker, err)
		}
		for _, key := range [][]byte{v.ConsensusKey, v.NetworkKey} {
			sum := sha256.Sum256(key)
			if first, twice := seen[sum]; twice {
				return fmt.Errorf("validators[%d] has key %x of validators[%d]: every key belongs to one validator, and to one purpose", i, key, first)
			}
			seen[sum] = i
		}
		if total += v.Power; total > maxTotalPower {
			return fmt.Errorf("the validators' powers sum to more than %d", uint64(maxTotalPower))
		}
	}
	return nil
}

func (v *Validator) check(scheme types.SchemeID) error {
	if v.Power == 0 || v.Power > maxTotalPower {
		return fmt.Errorf("power %d: use 1 to %d", v.Power, uint64(maxTotalPower))
	}
	if len(v.Moniker) > MaxMoniker || !utf8.ValidString(v.Moniker) {
		return fmt.Errorf("moniker is longer than %d bytes or not UTF-8", MaxMoniker)
	}
	if len(v.NetworkKey) != networkKeyBytes {
		return fmt.Errorf("network_key of %d bytes, want %d", len(v.NetworkKey), networkKeyBytes)
	}
	return v.checkConsensusKey(scheme)
}
