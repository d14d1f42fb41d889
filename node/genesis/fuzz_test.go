package genesis

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzParseRecord reads arbitrary bytes as a public record: what is accepted fits a
// termination message again, has its keys, and comes back from its own text.
func FuzzParseRecord(f *testing.F) {
	good := Record{Version: RecordVersion, Scheme: "ed25519", ConsensusKey: strings.Repeat("ab", 32), NetworkKey: strings.Repeat("cd", 32),
		VolumeID: strings.Repeat("ef", 32), Source: "born", CreatedMs: 1_700_000_000_000}
	bls := good
	bls.Scheme, bls.ConsensusKey, bls.Possession = "bls12381", strings.Repeat("ab", 96), strings.Repeat("12", 48)
	for _, r := range []Record{good, bls, {Version: 2}, {Version: RecordVersion, Scheme: "ed25519", NetworkKey: "zz"}} {
		raw, err := json.Marshal(&r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseRecord(raw)
		if err != nil {
			return
		}
		if _, _, _, err := r.Keys(); err != nil {
			t.Fatalf("accepted without its keys: %v", err)
		}
		_ = r.Check() // keys of any bytes: an error, never a panic
		again, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > MaxRecordBytes { // escapes may be longer than what was read
			return
		}
		if back, err := ParseRecord(again); err != nil || back != r {
			t.Fatalf("%+v comes back as %+v: %v", r, back, err)
		}
	})
}
