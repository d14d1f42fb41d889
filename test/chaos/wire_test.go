package chaos_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wires are bad links, for kernels without netem: datagrams of a direction that is
// switched to them pass through this process, which loses, delays, doubles and so
// reorders them. Each node has one end, a TUN device in its namespace.
type wires struct {
	l       *lab
	ends    []*os.File
	done    sync.WaitGroup
	mu      sync.Mutex
	rng     *rand.Rand
	bad     wire
	waiting int // datagrams on all wires
	carried int
	closed  bool
}

// wire is what a bad link does.
type wire struct {
	Loss, Double  float64       // probabilities
	Delay, Jitter time.Duration // each datagram waits Delay and up to Jitter more
}

// maxOnWire bounds the datagrams under way: more are lost, as a full queue loses them.
const maxOnWire = 8192

func newWires(l *lab) *wires {
	return &wires{l: l, rng: rand.New(rand.NewPCG(*seedFlag, 77))}
}

// open makes the ends, once there is use for them: cuts need none.
func (w *wires) open() {
	l := w.l
	l.Helper()
	for _, space := range l.spaces {
		end, err := openTun(space, "wire0")
		if err != nil {
			l.Fatalf("a bad link needs a TUN device: run as root, or allow sudo without a password: %v", err)
		}
		w.ends = append(w.ends, end)
		l.run(space, "link set wire0 up\n", "ip", "-batch", "-")
		// What comes by the wire is answered by the bridge, or not: no path is false.
		for _, conf := range []string{"all", "wire0", "eth0"} {
			l.run(space, "0", "tee", "/proc/sys/net/ipv4/conf/"+conf+"/rp_filter")
		}
	}
	for i := range w.ends {
		w.done.Go(func() { w.carry(i) })
	}
	l.Cleanup(w.close)
}

// openTun makes a TUN device in a namespace.
func openTun(space *os.File, name string) (*os.File, error) {
	type made struct {
		file *os.File
		err  error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		done <- func() (m made) {
			if m.err = unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); m.err != nil {
				return m
			}
			fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
			if err != nil {
				m.err = fmt.Errorf("open /dev/net/tun: %w", err)
				return m
			}
			req, err := unix.NewIfreq(name)
			if err == nil {
				req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
				err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
			}
			if err != nil {
				unix.Close(fd)
				m.err = fmt.Errorf("make a TUN device: %w", err)
				return m
			}
			m.file = os.NewFile(uintptr(fd), name)
			return m
		}()
	}()
	m := <-done
	return m.file, m.err
}

func (w *wires) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	for _, end := range w.ends {
		end.Close()
	}
	w.done.Wait()
}

// use switches these directions to the wires, and all others to the bridge.
func (w *wires) use(bad wire, directions ...link) {
	w.l.Helper()
	if len(w.ends) == 0 {
		if len(directions) == 0 {
			return
		}
		w.open()
	}
	w.mu.Lock()
	w.bad = bad
	w.mu.Unlock()
	text := make([]string, len(w.ends))
	for i := range w.ends {
		text[i] = "route flush dev wire0\n"
	}
	for _, d := range directions {
		text[d.from] += fmt.Sprintf("route add %s/32 dev wire0 src %s\n", nodeHost(d.to), nodeHost(d.from))
	}
	for i, space := range w.l.spaces {
		w.l.run(space, text[i], "ip", "-batch", "-")
	}
}

// count is how many datagrams the wires have carried.
func (w *wires) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.carried
}

// carry takes what a node sends by its wire, until the end is closed.
func (w *wires) carry(from int) {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.ends[from].Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil || n < 20 || buf[0]>>4 != 4 {
			continue // IPv6 of the kernel's own
		}
		if to := int(buf[19]) - 1; buf[16] == 10 && to >= 0 && to < len(w.ends) && to != from {
			w.send(to, append([]byte(nil), buf[:n]...))
		}
	}
}

// send has a datagram arrive later, once, twice or never.
func (w *wires) send(to int, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	copies := 1
	if w.rng.Float64() < w.bad.Loss {
		copies--
	}
	if w.rng.Float64() < w.bad.Double {
		copies++
	}
	for range copies {
		if w.waiting >= maxOnWire || w.closed {
			return
		}
		w.waiting++
		w.carried++
		wait := w.bad.Delay
		if w.bad.Jitter > 0 {
			wait += time.Duration(w.rng.Int64N(int64(w.bad.Jitter)))
		}
		time.AfterFunc(wait, func() {
			w.mu.Lock()
			w.waiting--
			w.mu.Unlock()
			_, _ = w.ends[to].Write(data) // an end that is closed loses it
		})
	}
}

// The instruments do what they say: a cut drops datagrams in its direction only, a bad
// wire carries what goes over it, and nothing of them is in the machine's network.
func TestInstruments(t *testing.T) {
	if !apart(t) {
		return
	}
	seeded(t)
	l := newLab(t, 3)
	one := func(from, to int) error {
		return echo(l.spaces[from], l.spaces[to], nodeHost(to))
	}
	if err := one(0, 1); err != nil {
		t.Fatalf("with nothing cut: %v", err)
	}
	l.cut(link{0, 1})
	if err := one(0, 1); err == nil {
		t.Error("a datagram passed a cut")
	}
	if n := l.dropped(1); n == 0 {
		t.Error("the firewall of node1 counts nothing")
	}
	if err := one(0, 2); err != nil {
		t.Errorf("a direction that is not cut: %v", err)
	}
	if n := l.dropped(2); n != 0 {
		t.Errorf("the firewall of node2 dropped %d datagrams", n)
	}
	l.cut()
	l.wires.use(wire{Delay: 20 * time.Millisecond}, link{0, 1}, link{1, 2})
	began := time.Now()
	if err := one(0, 1); err != nil {
		t.Errorf("by a wire: %v", err)
	}
	if took := time.Since(began); took < 20*time.Millisecond || l.wires.count() == 0 {
		t.Errorf("by a wire of 20 ms after %s, %d datagrams carried", took, l.wires.count())
	}
	l.wires.use(wire{Loss: 1}, link{0, 1})
	if err := one(0, 1); err == nil {
		t.Error("a datagram passed a wire that loses all")
	}
	l.wires.use(wire{})
	l.lose(1000)
	if err := one(2, 0); err == nil {
		t.Error("a datagram passed where all are lost")
	}
	l.lose(0)
	if err := one(2, 0); err != nil {
		t.Errorf("with all mended: %v", err)
	}
}
