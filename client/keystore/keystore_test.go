package keystore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func testKey(t testing.TB, kind, scheme string) Key {
	t.Helper()
	k, err := NewKey(kind, scheme, bytes.Repeat([]byte{5}, 32))
	if err != nil {
		t.Fatal(err)
	}
	k.Description = "for tests"
	return k
}

func TestThereAndBack(t *testing.T) {
	for _, tc := range []struct{ kind, scheme string }{
		{KindAccount, "ed25519"}, {KindOwner, "ed25519"}, {KindAuthority, "ed25519"}, {KindDelegate, "ed25519"},
		{KindConsensus, "ed25519"}, {KindConsensus, "bls12381"},
	} {
		k := testKey(t, tc.kind, tc.scheme)
		file, err := Encrypt(k, "correct horse", Light)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(file, []byte(hex.EncodeToString(k.Secret))) {
			t.Error("the secret stands in the file")
		}
		got, err := Decrypt(file, "correct horse")
		if err != nil || !bytes.Equal(got.Secret, k.Secret) || got.Kind != k.Kind || got.Description != k.Description {
			t.Errorf("%s: got %+v, %v", tc.kind, got, err)
		}
		public, err := Inspect(file)
		if err != nil || public.PublicKey != hex.EncodeToString(k.Public) || public.Kind != tc.kind {
			t.Errorf("%s: Inspect: %+v, %v", tc.kind, public, err)
		}
		if _, err := Decrypt(file, "correct hors"); !errors.Is(err, ErrPassword) {
			t.Errorf("wrong password: %v", err)
		}
	}
}

// The test vectors of EIP-2335: password, both functions, one secret.
func TestVectorsOfEIP2335(t *testing.T) {
	const (
		password = "\U0001d531\U0001d522\U0001d530\U0001d531\U0001d52d\U0001d51e\U0001d530\U0001d530\U0001d534\U0001d52c\U0001d52f\U0001d521\U0001f511"
		secret   = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
		scrypt   = `{"function":"scrypt","params":{"dklen":32,"n":262144,"p":1,"r":8,"salt":"d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"},"message":""}`
		pbkdf2   = `{"function":"pbkdf2","params":{"dklen":32,"c":262144,"prf":"hmac-sha256","salt":"d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"},"message":""}`
	)
	for _, tc := range []struct{ kdf, checksum, message string }{
		{scrypt, "d2217fe5f3e9a1e34581ef8a78f7c9928e436d36dacc5e846690a5581e8ea484", "06ae90d55fe0a6e9c5c3bc5b170827b2e5cce3929ed3f116c2811e6366dfe20f"},
		{pbkdf2, "8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1", "cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad"},
	} {
		m := module{}
		if err := strict([]byte(tc.kdf), &m); err != nil {
			t.Fatal(err)
		}
		dk, err := derive(&m, password)
		if err != nil {
			t.Fatal(err)
		}
		message, err := hex.DecodeString(tc.message)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(checksum(dk, message)); got != tc.checksum {
			t.Errorf("%s: checksum %s, want %s", m.Function, got, tc.checksum)
		}
		iv, err := hex.DecodeString("264daa3f303d7259501c93d997d84fe6")
		if err != nil {
			t.Fatal(err)
		}
		out, err := aesCTR(dk, iv, message)
		if err != nil || hex.EncodeToString(out) != secret {
			t.Errorf("%s: secret %x (%v), want %s", m.Function, out, err, secret)
		}
	}
}

func TestDecryptRefuses(t *testing.T) {
	file, err := Encrypt(testKey(t, KindAccount, "ed25519"), "correct horse", Light)
	if err != nil {
		t.Fatal(err)
	}
	good := string(file)
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the file does not hold %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "not a keystore"},
		{"another JSON", `{"a":1}`, "unknown field"},
		{"two documents", good + good, "follows"},
		{"version", replace(`"version": 4`, `"version": 3`), "version 3"},
		{"memory without bound", replace(`"n": 4096`, `"n": 1073741824`), "out of bounds"},
		{"time without bound", replace(`"p": 1`, `"p": 100000`), "out of bounds"},
		{"unknown function", replace(`"scrypt"`, `"md5"`), `kdf "md5"`},
		{"unknown cipher", replace(`"aes-128-ctr"`, `"rot13"`), "rot13"},
		{"kind", replace(`"kind": "account"`, `"kind": "king"`), "king"},
		{"scheme of a kind", replace(`"scheme": "ed25519"`, `"scheme": "bls12381"`), "of scheme ed25519"},
		{"another public key", replace(`"pubkey": "`, `"pubkey": "00`), "not that of its public key"},
		{"uuid", replace(`"uuid": "`, `"uuid": "x`), "uuid"},
		{"large", good + strings.Repeat(" ", MaxBytes), "at most"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Decrypt([]byte(tc.file), "correct horse")
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want ErrFormat that says %q", err, tc.want)
			}
		})
	}
	for _, password := range []string{"", "short", strings.Repeat("x", 2000), "\x01\x02\x03\x04\x05\x06\x07\x08"} {
		if _, err := Encrypt(testKey(t, KindAccount, "ed25519"), password, Light); err == nil {
			t.Errorf("password %.10q was taken for a new keystore", password)
		}
	}
}

func FuzzInspect(f *testing.F) {
	file, err := Encrypt(testKey(f, KindAccount, "ed25519"), "correct horse", Light)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := Inspect(raw); err == nil && p.Kind == "" {
			t.Fatalf("accepted without a kind: %q", raw)
		}
	})
}
