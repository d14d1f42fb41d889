package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// insideEnv says that this process runs in a network namespace made for one test.
const insideEnv = "BEDROCK_CHAOS_INSIDE"

// apart runs the calling test in a process of its own, in a network namespace that
// ends with it: nothing of the machine's network is touched, whatever happens. It
// answers true in that process; in the other one it answers false once the test there
// is over. Root is needed, or user namespaces, or sudo without a password.
func apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) == t.Name() {
		return true
	}
	var tried []error
	for _, way := range waysApart() {
		if err := way.run(t.Context(), nil, "true"); err != nil {
			tried = append(tried, fmt.Errorf("%s: %w", way.name, err))
			continue
		}
		var out io.Writer = os.Stdout
		var kept bytes.Buffer
		if !testing.Verbose() {
			out = &kept
		}
		if err := way.run(t.Context(), out, os.Args[0], insideArgs(t)...); err != nil {
			t.Fatalf("in a network namespace: %v\n%s", err, &kept)
		}
		return false
	}
	t.Fatalf("a partition needs network namespaces: run as root, or allow user namespaces, or sudo without a password: %v", errors.Join(tried...))
	return false
}

// insideArgs are this run's flags for the test alone.
func insideArgs(t *testing.T) []string {
	args := []string{"-test.run=^" + regexp.QuoteMeta(t.Name()) + "$"}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "test.run", "test.count", "test.testlogfile", "test.coverprofile", "test.paniconexit0", "binary", "seed":
			return
		}
		args = append(args, "-"+f.Name+"="+f.Value.String())
	})
	return append(args, "-binary="+bedrock, fmt.Sprintf("-seed=%d", *seedFlag))
}

// wayApart makes a network namespace for a program.
type wayApart struct {
	name   string
	attr   syscall.SysProcAttr
	prefix []string
}

func waysApart() []wayApart {
	own := syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		return []wayApart{{name: "as root", attr: own}}
	}
	user := own
	user.Cloneflags |= syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
	user.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	user.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	return []wayApart{
		{name: "by sudo", attr: syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, prefix: []string{"sudo", "-n", "-E", "unshare", "--net", "--kill-child"}},
		{name: "in a user namespace", attr: user},
	}
}

func (w *wayApart) run(ctx context.Context, out io.Writer, name string, args ...string) error {
	line := append(append(w.prefix[:len(w.prefix):len(w.prefix)], name), args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = out, out, &w.attr
	if len(args) > 0 {
		test, _ := strings.CutPrefix(args[0], "-test.run=^")
		cmd.Env = append(os.Environ(), insideEnv+"="+strings.TrimSuffix(test, "$"))
	}
	// A child's death signal belongs to the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// lab is the network of a test that runs apart: a bridge in its own namespace and one
// namespace for each node. These have no names and end with the process.
type lab struct {
	*testing.T
	spaces []*os.File
	wires  *wires

	mu   sync.Mutex
	cuts map[link]bool
	loss int // of 1000 datagrams between nodes
}

// link is a direction between two nodes.
type link struct{ from, to int }

const (
	bridge  = "chaos0"
	tester  = "10.77.0.254" // this process
	inspect = "/proc/%d/fd/%d"
)

func nodeHost(i int) string { return fmt.Sprintf("10.77.0.%d", i+1) }

// newLab makes the namespaces of so many nodes.
func newLab(t *testing.T, nodes int) *lab {
	t.Helper()
	l := &lab{T: t, cuts: map[link]bool{}}
	l.run(nil, fmt.Sprintf("link set lo up\nlink add %[1]s type bridge\nlink set %[1]s up\naddress add %[2]s/24 dev %[1]s\n", bridge, tester), "ip", "-batch", "-")
	for i := range nodes {
		space, err := newNetspace()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { space.Close() })
		l.spaces = append(l.spaces, space)
		l.run(nil, fmt.Sprintf("link add veth%[1]d type veth peer name eth0 netns %[2]s\nlink set veth%[1]d master %[3]s\nlink set veth%[1]d up\n", i, spacePath(space), bridge), "ip", "-batch", "-")
		l.run(space, fmt.Sprintf("link set lo up\naddress add %s/24 dev eth0\nlink set eth0 up\n", nodeHost(i)), "ip", "-batch", "-")
	}
	l.wires = newWires(l)
	l.rules()
	return l
}

// newNetspace makes a network namespace; it is there until the file is closed and
// nobody runs in it.
func newNetspace() (*os.File, error) {
	type made struct {
		file *os.File
		err  error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- made{err: fmt.Errorf("make a network namespace: %w", err)}
			return
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		done <- made{file, err}
	}()
	m := <-done
	return m.file, m.err
}

func spacePath(space *os.File) string { return fmt.Sprintf(inspect, os.Getpid(), space.Fd()) }

// run runs a program of the system, in a namespace where one is given.
func (l *lab) run(space *os.File, input, name string, args ...string) string {
	l.Helper()
	if space != nil {
		args = append([]string{"--net=" + spacePath(space), "--", name}, args...)
		name = "nsenter"
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.Fatalf("%s %s: %v\n%s\n%s", name, strings.Join(args, " "), err, out, input)
	}
	return string(out)
}

// inSpace is a program that runs another one, with its arguments, in a node's namespace.
func (l *lab) inSpace(node int, program string) string {
	l.Helper()
	path := filepath.Join(l.TempDir(), fmt.Sprintf("node%d-%s", node, filepath.Base(program)))
	text := fmt.Sprintf("#!/bin/sh\nexec nsenter --net=%s -- %s \"$@\"\n", spacePath(l.spaces[node]), program)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		l.Fatal(err)
	}
	return path
}

// newApart makes the homes of a network whose nodes have a namespace each.
func newApart(t *testing.T, opt devnet.Options) (*cluster, *lab) {
	t.Helper()
	if opt.Validators == 0 {
		opt.Validators = 4
	}
	l := newLab(t, opt.Validators)
	for i := range opt.Validators {
		opt.Hosts = append(opt.Hosts, nodeHost(i))
	}
	opt.Binary, opt.Scheme = bedrock, *schemeFlag
	c := &cluster{fleet.New(t, opt)}
	for i, p := range c.Net.Nodes {
		p.Binary = l.inSpace(i, bedrock)
		p.Env = []string{
			"BEDROCK_P2P_LISTEN=" + nodeHost(i) + ":7600",
			"BEDROCK_RPC_LISTEN=" + nodeHost(i) + ":7601",
			"BEDROCK_OPS_LISTEN=" + nodeHost(i) + ":7603",
		}
	}
	return c, l
}
