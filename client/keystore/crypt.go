package keystore

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/crypto/pbkdf2"
	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"
)

// Work is how much a guess at the password costs.
type Work int

// Standard is EIP-2335's cost, about a second and 256 MiB; Light is for tests.
const (
	Standard Work = 1 << 18
	Light    Work = 1 << 12
)

// Bounds of what a file may ask for, and of passwords.
const (
	maxScryptN  = 1 << 20
	maxScryptP  = 16
	scryptR     = 8
	minPBKDF2   = 1 << 10
	maxPBKDF2   = 1 << 24
	derived     = 32
	saltBytes   = 32
	maxPassword = 1024
	minPassword = 8
)

// CheckPassword says whether a password is good enough for a new keystore.
func CheckPassword(password string) error {
	if n := len(normalized(password)); n < minPassword || n > maxPassword {
		return fmt.Errorf("password of %d bytes: use %d to %d", n, minPassword, maxPassword)
	}
	return nil
}

// Encrypt writes a keystore file.
func Encrypt(k Key, password string, work Work) ([]byte, error) {
	if err := CheckPassword(password); err != nil {
		return nil, err
	}
	checked, err := NewKey(k.Kind, k.Scheme, k.Secret)
	if err != nil {
		return nil, err
	}
	if len(k.Description) > maxDescription {
		return nil, fmt.Errorf("description of %d bytes, at most %d", len(k.Description), maxDescription)
	}
	random := make([]byte, saltBytes+aes.BlockSize)
	if _, err := io.ReadFull(rand.Reader, random); err != nil {
		return nil, fmt.Errorf("encrypt key: %w", err)
	}
	salt, iv := random[:saltBytes], random[saltBytes:]
	params := scryptParams{DKLen: derived, N: int(work), P: 1, R: scryptR, Salt: hex.EncodeToString(salt)}
	dk, err := scrypt.Key(normalized(password), salt, params.N, params.R, params.P, derived)
	if err != nil {
		return nil, fmt.Errorf("encrypt key: %w", err)
	}
	message, err := aesCTR(dk, iv, k.Secret)
	if err != nil {
		return nil, fmt.Errorf("encrypt key: %w", err)
	}
	kdf, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	f := file{
		Crypto: crypto{
			KDF:      module{Function: "scrypt", Params: kdf},
			Checksum: module{Function: "sha256", Params: json.RawMessage(`{}`), Message: hex.EncodeToString(checksum(dk, message))},
			Cipher:   module{Function: "aes-128-ctr", Params: json.RawMessage(`{"iv":"` + hex.EncodeToString(iv) + `"}`), Message: hex.EncodeToString(message)},
		},
		Description: k.Description, Kind: k.Kind, Pubkey: hex.EncodeToString(checked.Public), Scheme: k.Scheme,
		UUID: uuid.NewString(), Version: fileVersion,
	}
	out, err := json.MarshalIndent(&f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encrypt key: %w", err)
	}
	return append(out, '\n'), nil
}

// Decrypt reads a keystore file. ErrPassword if the password is not the one that
// it was written with.
func Decrypt(raw []byte, password string) (Key, error) {
	f, err := parse(raw)
	if err != nil {
		return Key{}, err
	}
	if len(password) > 4*maxPassword {
		return Key{}, ErrPassword
	}
	if f.Crypto.Checksum.Function != "sha256" || f.Crypto.Cipher.Function != "aes-128-ctr" {
		return Key{}, fmt.Errorf("%w: checksum %.20q and cipher %.20q, want sha256 and aes-128-ctr",
			ErrFormat, f.Crypto.Checksum.Function, f.Crypto.Cipher.Function)
	}
	message, err := hex.DecodeString(f.Crypto.Cipher.Message)
	if err != nil || len(message) != 32 {
		return Key{}, fmt.Errorf("%w: the encrypted secret is not 32 bytes in hex", ErrFormat)
	}
	want, err := hex.DecodeString(f.Crypto.Checksum.Message)
	if err != nil || len(want) != sha256.Size {
		return Key{}, fmt.Errorf("%w: the checksum is not 32 bytes in hex", ErrFormat)
	}
	var c cipherParams
	if err := strict(f.Crypto.Cipher.Params, &c); err != nil {
		return Key{}, fmt.Errorf("%w: cipher: %w", ErrFormat, err)
	}
	iv, err := hex.DecodeString(c.IV)
	if err != nil || len(iv) != aes.BlockSize {
		return Key{}, fmt.Errorf("%w: the iv is not 16 bytes in hex", ErrFormat)
	}
	dk, err := derive(&f.Crypto.KDF, password)
	if err != nil {
		return Key{}, err
	}
	if subtle.ConstantTimeCompare(checksum(dk, message), want) != 1 {
		return Key{}, ErrPassword
	}
	secret, err := aesCTR(dk, iv, message)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return f.key(secret)
}

// key checks the secret against the public key on the file.
func (f *file) key(secret []byte) (Key, error) {
	k, err := NewKey(f.Kind, f.Scheme, secret)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	public, err := hex.DecodeString(f.Pubkey)
	if err != nil || !bytes.Equal(public, k.Public) {
		return Key{}, fmt.Errorf("%w: the secret is not that of its public key %.16s…", ErrFormat, f.Pubkey)
	}
	k.Description = f.Description
	return k, nil
}

func derive(m *module, password string) ([]byte, error) {
	switch m.Function {
	case "scrypt":
		var p scryptParams
		if err := strict(m.Params, &p); err != nil {
			return nil, fmt.Errorf("%w: kdf: %w", ErrFormat, err)
		}
		salt, err := hex.DecodeString(p.Salt)
		if err != nil || p.DKLen != derived || p.R != scryptR || p.N < 2 || p.N > maxScryptN || p.P < 1 || p.P > maxScryptP {
			return nil, fmt.Errorf("%w: scrypt with n %d, r %d, p %d, dklen %d is out of bounds", ErrFormat, p.N, p.R, p.P, p.DKLen)
		}
		dk, err := scrypt.Key(normalized(password), salt, p.N, p.R, p.P, derived)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		return dk, nil
	case "pbkdf2":
		var p pbkdf2Params
		if err := strict(m.Params, &p); err != nil {
			return nil, fmt.Errorf("%w: kdf: %w", ErrFormat, err)
		}
		salt, err := hex.DecodeString(p.Salt)
		if err != nil || p.DKLen != derived || p.PRF != "hmac-sha256" || p.C < minPBKDF2 || p.C > maxPBKDF2 {
			return nil, fmt.Errorf("%w: pbkdf2 with c %d, prf %.20q, dklen %d is out of bounds", ErrFormat, p.C, p.PRF, p.DKLen)
		}
		return pbkdf2.Key(normalized(password), salt, p.C, derived, sha256.New), nil
	}
	return nil, fmt.Errorf("%w: kdf %.20q, want scrypt or pbkdf2", ErrFormat, m.Function)
}

// normalized is the password as EIP-2335 hashes it: NFKD, control codes dropped.
func normalized(password string) []byte {
	return []byte(strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r <= 0x9f {
			return -1
		}
		return r
	}, norm.NFKD.String(password)))
}

func checksum(dk, message []byte) []byte {
	h := sha256.New()
	h.Write(dk[16:32])
	h.Write(message)
	return h.Sum(nil)
}

func aesCTR(dk, iv, in []byte) ([]byte, error) {
	block, err := aes.NewCipher(dk[:16])
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() {
		return nil, errors.New("iv of the wrong size")
	}
	out := make([]byte, len(in))
	cipher.NewCTR(block, iv).XORKeyStream(out, in)
	return out, nil
}
