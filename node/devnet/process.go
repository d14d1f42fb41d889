package devnet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

// Process is one node's process, or the lack of one.
type Process struct {
	Name string // node0
	Home string

	// Binary and Env are this node's own, from its next start on: the program in
	// place of the network's, and what is added to the network's environment.
	Binary string
	Env    []string

	mu      sync.Mutex
	cmd     *exec.Cmd
	done    chan struct{} // closed when the present process has ended
	err     error
	ordered bool // its end was asked for
}

// start runs binary for the home; its output is appended to <home>/node.log.
// On Linux a child's death signal belongs to the thread that started it, hence
// the locked goroutine that waits for it.
func (p *Process) start(binary string, env []string, onExit func(*Process, error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return fmt.Errorf("%s runs already", p.Name)
	}
	log, err := os.OpenFile(filepath.Join(p.Home, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.Name, err)
	}
	cmd := exec.Command(binary, "start", "--home", p.Home)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	done, started := make(chan struct{}), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		err := cmd.Wait()
		p.mu.Lock()
		p.err = err
		ordered := p.ordered
		close(done)
		p.mu.Unlock()
		if !ordered && onExit != nil {
			onExit(p, err)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.cmd, p.done, p.err, p.ordered = cmd, done, nil, false
	return nil
}

func (p *Process) running() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Running reports whether the process is there.
func (p *Process) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running()
}

// PID is the process id, 0 if there is none.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return 0
	}
	return p.cmd.Process.Pid
}

// Done is closed when the present process has ended; nil if there never was one.
func (p *Process) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// End sends a signal and waits for the end, which then counts as asked for.
func (p *Process) End(signal syscall.Signal) error {
	p.mu.Lock()
	if !p.running() {
		p.mu.Unlock()
		return nil
	}
	p.ordered = true
	err := p.cmd.Process.Signal(signal)
	done := p.done
	p.mu.Unlock()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	<-done
	return nil
}
