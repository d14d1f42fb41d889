//go:build e2e

package operator

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// delay is a wire that takes its time: every datagram that leaves a pod waits in a queue
// of the kernel (NFQUEUE) until the test lets it go, so that no traffic shaper of the
// kernel is needed. Order is kept; what comes in is not delayed.
type delay struct {
	socket int
	by     time.Duration
	passed atomic.Int64
	failed atomic.Value // error
	all    sync.WaitGroup
}

// Numbers of linux/netfilter/nfnetlink_queue.h.
const (
	queueNumber = 19
	queueLength = 1 << 16 // datagrams that wait at once

	nfqnlPacket  = 3 << 8 // 3: NFNL_SUBSYS_QUEUE
	nfqnlVerdict = 3<<8 | 1
	nfqnlConfig  = 3<<8 | 2

	nfqaPacketHeader  = 1
	nfqaVerdictHeader = 2
	nfqaConfigCommand = 1
	nfqaConfigParams  = 2
	nfqaConfigMaxLen  = 3

	commandBind = 1
	copyMeta    = 1
	nfAccept    = 1
)

// slowDown delays what the process of a pod sends to its peers, until the test ends.
func (n *network) slowDown(pid int, by time.Duration) *delay {
	n.Helper()
	space := fmt.Sprintf("/proc/%d/ns/net", pid)
	d := &delay{by: by}
	var err error
	if d.socket, err = queueSocket(space); err != nil {
		n.Fatalf("queue the datagrams of process %d: %v", pid, err)
	}
	rule := func(what string) error {
		// With --queue-bypass datagrams go on when nobody reads the queue any more.
		out, err := exec.Command("nsenter", "--net="+space, "iptables", "-t", "mangle", what, "OUTPUT", "-p", "udp",
			"-j", "NFQUEUE", "--queue-num", fmt.Sprint(queueNumber), "--queue-bypass").CombinedOutput()
		if err != nil {
			return fmt.Errorf("iptables %s: %w: %s", what, err, out)
		}
		return nil
	}
	d.all.Go(d.pump)
	if err := rule("-A"); err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() {
		if _, err := os.Stat(space); err == nil {
			if err := rule("-D"); err != nil {
				n.Error(err)
			}
		}
		unix.Shutdown(d.socket, unix.SHUT_RDWR)
		unix.Close(d.socket)
		d.all.Wait()
		if err := d.failed.Load(); err != nil {
			n.Errorf("the delaying queue: %v", err)
		}
		n.Logf("%d datagrams went %s late", d.passed.Load(), by)
		if d.passed.Load() == 0 {
			n.Error("no datagram was delayed: nothing was slow")
		}
	})
	return d
}

// queueSocket binds the queue inside of a network namespace: a socket stays in the one
// in which it was made.
func queueSocket(space string) (int, error) {
	type made struct {
		socket int
		err    error
	}
	out := make(chan made)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		socket, err := openQueue(space)
		out <- made{socket, err}
	}()
	m := <-out
	return m.socket, m.err
}

func openQueue(space string) (int, error) {
	f, err := os.Open(space)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return 0, fmt.Errorf("enter %s: %w", space, err)
	}
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return 0, fmt.Errorf("netlink: %w", err)
	}
	// Reads wake up to see that the test has ended.
	err = unix.SetsockoptTimeval(s, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000})
	if err == nil {
		err = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	}
	if err == nil {
		err = unix.SetsockoptInt(s, unix.SOL_NETLINK, unix.NETLINK_NO_ENOBUFS, 1)
	}
	for _, attr := range [][]byte{
		attribute(nfqaConfigCommand, []byte{commandBind, 0, 0, unix.AF_INET}),
		attribute(nfqaConfigParams, []byte{0, 0, 0, 0, copyMeta}),
		attribute(nfqaConfigMaxLen, binary.BigEndian.AppendUint32(nil, queueLength)),
	} {
		if err == nil {
			err = configure(s, attr)
		}
	}
	if err != nil {
		unix.Close(s)
		return 0, fmt.Errorf("bind queue %d: %w", queueNumber, err)
	}
	return s, nil
}

// attribute is a netlink attribute, padded.
func attribute(kind uint16, value []byte) []byte {
	out := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	out = binary.NativeEndian.AppendUint16(out, kind)
	out = append(out, value...)
	return append(out, make([]byte, (4-len(out)%4)%4)...)
}

// message is a netlink message to the queue.
func message(kind, flags uint16, attributes []byte) []byte {
	out := binary.NativeEndian.AppendUint32(nil, uint32(16+4+len(attributes)))
	out = binary.NativeEndian.AppendUint16(out, kind)
	out = binary.NativeEndian.AppendUint16(out, unix.NLM_F_REQUEST|flags)
	out = append(out, make([]byte, 8)...) // sequence, port
	out = append(out, unix.AF_UNSPEC, 0)
	out = binary.BigEndian.AppendUint16(out, queueNumber)
	return append(out, attributes...)
}

// configure sends a setting and waits for the kernel's word.
func configure(s int, attr []byte) error {
	if err := unix.Sendto(s, message(nfqnlConfig, unix.NLM_F_ACK, attr), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	b := make([]byte, 4096)
	size, _, err := unix.Recvfrom(s, b, 0)
	if err != nil {
		return err
	}
	if size < 20 || binary.NativeEndian.Uint16(b[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("an answer of %d bytes that is none", size)
	}
	if code := int32(binary.NativeEndian.Uint32(b[16:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// held is a datagram that waits.
type held struct {
	id uint32
	at time.Time
}

// pump reads datagrams and lets each go when its time has come.
func (d *delay) pump() {
	waiting := make(chan held, queueLength)
	d.all.Go(func() {
		for h := range waiting {
			if rest := time.Until(h.at); rest > 0 {
				<-time.After(rest) // this is the delay itself
			}
			verdict := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, nfAccept), h.id)
			err := unix.Sendto(d.socket, message(nfqnlVerdict, 0, attribute(nfqaVerdictHeader, verdict)), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
			if err == nil {
				d.passed.Add(1)
			}
		}
	})
	defer close(waiting)
	b := make([]byte, 64<<10)
	for {
		size, _, err := unix.Recvfrom(d.socket, b, 0)
		switch {
		case err == unix.EAGAIN, err == unix.EINTR, err == unix.ENOBUFS:
			continue
		case err != nil || size == 0:
			return // closed
		}
		for rest := b[:size]; len(rest) >= 16; {
			length := int(binary.NativeEndian.Uint32(rest))
			if length < 16 || length > len(rest) {
				d.failed.CompareAndSwap(nil, fmt.Errorf("a message of %d bytes in %d", length, len(rest)))
				return
			}
			if id, ok := packet(rest[:length]); ok {
				waiting <- held{id, time.Now().Add(d.by)}
			}
			rest = rest[min((length+3)&^3, len(rest)):]
		}
	}
}

// packet is the number of the datagram that a message tells.
func packet(m []byte) (uint32, bool) {
	if binary.NativeEndian.Uint16(m[4:]) != nfqnlPacket || len(m) < 20 {
		return 0, false
	}
	for rest := m[20:]; len(rest) >= 4; {
		length := int(binary.NativeEndian.Uint16(rest))
		if length < 4 || length > len(rest) {
			return 0, false
		}
		if kind := binary.NativeEndian.Uint16(rest[2:]); kind == nfqaPacketHeader && length >= 8 {
			return binary.BigEndian.Uint32(rest[4:]), true
		}
		rest = rest[min((length+3)&^3, len(rest)):]
	}
	return 0, false
}
