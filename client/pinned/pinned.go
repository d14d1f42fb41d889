package pinned

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// MaxKeys bounds a list: the present key, and the one that follows it.
const MaxKeys = 2

// ErrNotPinned says that the other side's key is not listed.
var ErrNotPinned = errors.New("the key is not pinned")

// Key is an Ed25519 public key.
type Key = [ed25519.PublicKeySize]byte

// Server is TLS for who listens with key, and lets in who holds one of clients.
func Server(key ed25519.PrivateKey, clients []Key) (*tls.Config, error) {
	c, err := config(key, clients)
	if err != nil {
		return nil, fmt.Errorf("pinned TLS of a server: %w", err)
	}
	c.ClientAuth = tls.RequireAnyClientCert
	return c, nil
}

// Client is TLS for who dials with key somebody that holds one of servers.
func Client(key ed25519.PrivateKey, servers []Key) (*tls.Config, error) {
	c, err := config(key, servers)
	if err != nil {
		return nil, fmt.Errorf("pinned TLS of a client: %w", err)
	}
	// The key is checked below, in place of a chain of certificates.
	c.InsecureSkipVerify = true
	return c, nil
}

func config(key ed25519.PrivateKey, others []Key) (*tls.Config, error) {
	if n := len(others); n == 0 || n > MaxKeys {
		return nil, fmt.Errorf("%d keys are pinned: want 1 to %d", n, MaxKeys)
	}
	own, err := certificate(key)
	if err != nil {
		return nil, err
	}
	others = slices.Clone(others)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, SessionTicketsDisabled: true,
		ClientSessionCache: nil, VerifyConnection: func(s tls.ConnectionState) error { return verify(s, others) },
	}, nil
}

// verify holds the other side's key against the list.
func verify(s tls.ConnectionState, others []Key) error {
	if len(s.PeerCertificates) == 0 {
		return fmt.Errorf("%w: it showed none", ErrNotPinned)
	}
	key, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: it is no Ed25519 key", ErrNotPinned)
	}
	if !slices.Contains(others, Key(key)) {
		return fmt.Errorf("%w: the other side's is %x", ErrNotPinned, []byte(key))
	}
	return nil
}

// certificate is signed by the key that it holds. Its dates say nothing.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	if len(key) != ed25519.PrivateKeySize {
		return tls.Certificate{}, fmt.Errorf("a key of %d bytes: want an Ed25519 private key of %d", len(key), ed25519.PrivateKeySize)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bedrock"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
