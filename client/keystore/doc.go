// Package keystore keeps secret keys in password-encrypted files in the style of
// EIP-2335: scrypt or PBKDF2, AES-128-CTR, a SHA-256 checksum, JSON.
//
//	keystore.Encrypt(key, password, work) ([]byte, error)
//	keystore.Decrypt(file, password)      (Key, error)
//	keystore.Inspect(file)                (Public, error)    without a password
//
// Invariants
//
//   - A wrong password is told from a damaged file as far as that can be told, and
//     neither ever gives a key: the public key is checked against the secret.
//   - What a file asks for in memory and time is bounded before it is spent.
//   - A key that was born on a signer volume never comes here (docs/keys.md).
//
// It keeps nothing in memory and asks nobody for passwords. Guarded by
// keystore_test.go, with the vectors of EIP-2335, and FuzzInspect.
package keystore
