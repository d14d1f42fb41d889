package p2p

import "slices"

// Bounds of what a node announces.
const (
	maxAnnounced      = 16
	maxAnnouncedBytes = 262 // a host's name of 255, a colon and a port
)

// usable are the first addresses of a list that can be dialled. Multiaddrs are not:
// what comes from others is a host and a port.
func usable(addresses []string) []string {
	var out []string
	for _, a := range addresses[:min(len(addresses), maxAnnounced)] {
		if len(a) > maxAnnouncedBytes {
			continue
		}
		if _, port, err := splitAddress(a); err != nil || port == 0 {
			continue
		}
		out = append(out, a)
	}
	return out
}

// noteAnnounced remembers where a validator or configured peer says that it is reached:
// it is dialled there too when its connections are lost, so that an address that
// changed needs no restart of anybody. Callers hold mu. // rule: exposure
func (n *Network) noteAnnounced(id PeerID, addresses []string) {
	if !n.validators[id] && n.dialled[id] == nil {
		return
	}
	addresses = usable(addresses)
	if len(addresses) == 0 {
		delete(n.announced, id)
		return
	}
	if _, known := n.announced[id]; !known && len(n.announced) >= maxLost {
		return
	}
	n.announced[id] = addresses
	if n.dialled[id] == nil && len(n.dialled) < maxTargets && !n.closed {
		n.keep(id, &target{wake: make(chan struct{}, 1)})
	}
}

// where are the addresses that a peer is dialled at: configured, then announced.
// Callers hold mu.
func (n *Network) where(id PeerID) []string {
	t := n.dialled[id]
	if t == nil {
		return nil
	}
	out := slices.Clone(t.addresses)
	for _, a := range n.announced[id] {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// RemovePeer ends what AddPeer began: the peer is not dialled any more. Its connections
// stay.
func (n *Network) RemovePeer(id PeerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t := n.dialled[id]; t != nil {
		delete(n.dialled, id)
		delete(n.announced, id)
		t.gone = true
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}
