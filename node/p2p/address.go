package p2p

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// ParsePeer reads `identity@address[,address...]`.
func ParsePeer(s string) (Peer, error) {
	id, addresses, ok := strings.Cut(s, "@")
	if !ok || addresses == "" {
		return Peer{}, fmt.Errorf("peer %q: want identity@host:port, the identity in 64 hex digits", s)
	}
	parsed, err := ParsePeerID(id)
	if err != nil {
		return Peer{}, fmt.Errorf("peer %q: %w", s, err)
	}
	p := Peer{ID: parsed, Addresses: strings.Split(addresses, ",")}
	for _, a := range p.Addresses {
		if err := checkAddress(a); err != nil {
			return Peer{}, fmt.Errorf("peer %q: %w", s, err)
		}
	}
	return p, nil
}

// checkAddress reports whether an address can be dialled once its name resolves.
func checkAddress(address string) error {
	if strings.HasPrefix(address, "/") {
		if _, err := ma.NewMultiaddr(address); err != nil {
			return fmt.Errorf("address %q: %w", address, err)
		}
		return nil
	}
	_, _, err := splitAddress(address)
	return err
}

func splitAddress(address string) (host string, port uint16, err error) {
	host, p, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: %w: want host:port", address, err)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: port %q is no number below 65536", address, p)
	}
	return host, uint16(n), nil
}

func quicAddress(ip netip.Addr, port uint16) ma.Multiaddr {
	family := "ip4"
	ip = ip.Unmap()
	if ip.Is6() {
		family = "ip6"
	}
	return ma.StringCast(fmt.Sprintf("/%s/%s/udp/%d/quic-v1", family, ip.WithZone(""), port))
}

// listenAddress turns `ip:port` into a multiaddr; an empty host listens on all.
func listenAddress(address string) (ma.Multiaddr, error) {
	if strings.HasPrefix(address, "/") {
		a, err := ma.NewMultiaddr(address)
		if err != nil {
			return nil, fmt.Errorf("listen address %q: %w", address, err)
		}
		return a, nil
	}
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, fmt.Errorf("listen %w", err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: the host must be an IP address of this machine", address)
	}
	return quicAddress(ip, port), nil
}

// maxResolved bounds the addresses that one DNS name is dialled at.
const maxResolved = 8

// resolve turns a peer's addresses into what libp2p dials, asking DNS each time.
func resolve(ctx context.Context, r Resolver, addresses []string) ([]ma.Multiaddr, error) {
	var out []ma.Multiaddr
	var failure error
	for _, address := range addresses {
		if strings.HasPrefix(address, "/") {
			a, err := ma.NewMultiaddr(address)
			if err != nil {
				failure = fmt.Errorf("address %q: %w", address, err)
				continue
			}
			out = append(out, a)
			continue
		}
		host, port, err := splitAddress(address)
		if err != nil {
			failure = err
			continue
		}
		if ip, err := netip.ParseAddr(host); err == nil {
			out = append(out, quicAddress(ip, port))
			continue
		}
		found, err := r.LookupIPAddr(ctx, host)
		if err != nil {
			failure = fmt.Errorf("resolve %q: %w", host, err)
			continue
		}
		for _, f := range found[:min(len(found), maxResolved)] {
			if ip, ok := netip.AddrFromSlice(f.IP); ok {
				out = append(out, quicAddress(ip, port))
			}
		}
	}
	if len(out) == 0 {
		return nil, failure
	}
	return out, nil
}

// libp2pID is the libp2p name of an identity.
func libp2pID(id PeerID) (peer.ID, error) {
	key, err := crypto.UnmarshalEd25519PublicKey(id[:])
	if err != nil {
		return "", fmt.Errorf("identity %s: %w", id, err)
	}
	return peer.IDFromPublicKey(key)
}

// identityOf is the identity behind a libp2p name; false for keys of another kind.
func identityOf(pid peer.ID) (PeerID, bool) {
	key, err := pid.ExtractPublicKey()
	if err != nil || key.Type() != crypto.Ed25519 {
		return PeerID{}, false
	}
	raw, err := key.Raw()
	if err != nil || len(raw) != len(PeerID{}) {
		return PeerID{}, false
	}
	return PeerID(raw), true
}
