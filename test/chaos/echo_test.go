package chaos_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// inside runs f on a thread in a namespace: sockets that it opens stay there.
func inside(space *os.File, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter a network namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// echo sends a datagram from one namespace to another, and waits for its answer.
func echo(from, to *os.File, host string) error {
	var server, client net.PacketConn
	at := &net.UDPAddr{IP: net.ParseIP(host), Port: 9}
	err := errors.Join(
		inside(to, func() (err error) { server, err = net.ListenUDP("udp4", at); return err }),
		inside(from, func() (err error) { client, err = net.ListenUDP("udp4", nil); return err }))
	if server != nil {
		defer server.Close()
	}
	if client != nil {
		defer client.Close()
	}
	if err != nil {
		return err
	}
	for _, c := range []net.PacketConn{server, client} {
		if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
	}
	buf := make([]byte, 64)
	if _, err := client.WriteTo([]byte("there?"), at); err != nil {
		return err
	}
	n, back, err := server.ReadFrom(buf)
	if err != nil {
		return err
	}
	_, err = server.WriteTo(buf[:n], back)
	return err
}
