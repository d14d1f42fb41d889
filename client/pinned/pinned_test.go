package pinned_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client/pinned"
)

func key(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(name, 32)))
}

func public(keys ...ed25519.PrivateKey) (out []pinned.Key) {
	for _, k := range keys {
		out = append(out, pinned.Key(k.Public().(ed25519.PublicKey)))
	}
	return out
}

// meet lets a client and a server shake hands and answers what each found.
func meet(t *testing.T, server, client *tls.Config) (atServer, atClient error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		a.Close()
		done <- err
	}()
	c := tls.Client(b, client)
	atClient = c.Handshake()
	if atClient == nil {
		_, atClient = io.ReadFull(c, make([]byte, 1)) // a refusal comes after the handshake
	}
	b.Close()
	return <-done, atClient
}

func TestOnlyPinnedKeysMeet(t *testing.T) {
	node, old, operator, next := key("n"), key("o"), key("p"), key("q")
	for _, c := range []struct {
		what            string
		listens, dials  ed25519.PrivateKey
		clients, server []pinned.Key
		bad             bool
	}{
		{"each other's key", node, operator, public(operator), public(node), false},
		{"two keys of clients, the second", node, next, public(operator, next), public(node), false},
		{"two keys of servers, the first", old, operator, public(operator), public(old, node), false},
		{"a wrong client", node, next, public(operator), public(node), true},
		{"an old client, off the list", node, old, public(operator, next), public(node), true},
		{"a wrong server", old, operator, public(operator), public(node), true},
	} {
		s, err := pinned.Server(c.listens, c.clients)
		if err != nil {
			t.Fatal(err)
		}
		d, err := pinned.Client(c.dials, c.server)
		if err != nil {
			t.Fatal(err)
		}
		atServer, atClient := meet(t, s, d)
		if failed := atServer != nil || atClient != nil; failed != c.bad {
			t.Errorf("%s: server %v, client %v", c.what, atServer, atClient)
		}
		if c.bad && !errors.Is(atServer, pinned.ErrNotPinned) && !errors.Is(atClient, pinned.ErrNotPinned) {
			t.Errorf("%s: no side says that the key is not pinned: %v, %v", c.what, atServer, atClient)
		}
	}
}

// A client without a key, and one with a key of another kind, are not let in.
func TestOtherClientsAreRefused(t *testing.T) {
	server, err := pinned.Server(key("n"), public(key("p")))
	if err != nil {
		t.Fatal(err)
	}
	if atServer, atClient := meet(t, server, &tls.Config{InsecureSkipVerify: true}); atServer == nil || atClient == nil {
		t.Errorf("without a key: server %v, client %v", atServer, atClient)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, other.Public(), other)
	if err != nil {
		t.Fatal(err)
	}
	with := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: other}}}
	if atServer, _ := meet(t, server, with); !errors.Is(atServer, pinned.ErrNotPinned) {
		t.Errorf("with an ECDSA key: %v", atServer)
	}
	if atServer, atClient := meet(t, server, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); atServer == nil || atClient == nil {
		t.Errorf("TLS 1.2: server %v, client %v", atServer, atClient)
	}
}

func TestListsAreBounded(t *testing.T) {
	for _, list := range [][]pinned.Key{nil, public(key("a"), key("b"), key("c"))} {
		if _, err := pinned.Server(key("n"), list); err == nil {
			t.Errorf("a server with %d keys", len(list))
		}
		if _, err := pinned.Client(key("n"), list); err == nil {
			t.Errorf("a client with %d keys", len(list))
		}
	}
	if _, err := pinned.Server(nil, public(key("a"))); err == nil {
		t.Error("a server without a key")
	}
}
