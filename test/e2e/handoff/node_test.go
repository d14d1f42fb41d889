//go:build e2e

package handoff

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// graceTime is how long a node may take to end before it is killed.
const graceTime = 20 * time.Second

// node is a pod's process.
type node struct {
	host, log string
	signer    string // its signer volume's folder
	process   *os.Process
	done      chan struct{}
	err       error // once done is closed
}

// start runs a pod's one container: its address is the pod's network, and it may lie on
// any file system.
func start(host, signer, log string, args []string, env map[string]string) (*node, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bedrock, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "BEDROCK_DIRS_FILE_SYSTEMS=allow-unsafe", "BEDROCK_P2P_LISTEN="+host+":7600",
		"BEDROCK_RPC_LISTEN="+host+":7601", "BEDROCK_ADMIN_LISTEN="+host+":7602", "BEDROCK_OPS_LISTEN="+host+":7603")
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	n := &node{host: host, log: log, signer: filepath.Join(signer, "instance"), done: make(chan struct{})}
	started := make(chan error, 1)
	go func() { // a death signal belongs to the thread that started the child
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		n.err = cmd.Wait()
		close(n.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	n.process = cmd.Process
	return n, nil
}

// died is an error where the process ended without being asked to.
func (n *node) died() error {
	select {
	case <-n.done:
		return fmt.Errorf("its process ended by itself: %v\n%s", n.err, n.lastLines(20))
	default:
		return nil
	}
}

// end asks the process to end and waits for that.
func (n *node) end() error {
	if err := n.died(); err != nil {
		return err
	}
	if err := n.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.AfterFunc(graceTime, func() { _ = n.process.Kill() })
	defer late.Stop()
	<-n.done
	return nil
}

func (n *node) lastLines(most int) string {
	raw, err := os.ReadFile(n.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
