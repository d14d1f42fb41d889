package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Listen opens a listener; key is the setting that named the address, for the
// error of one that is taken.
func Listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: address %s is taken by another process: stop that one, or set %s to a free port", key, address, key)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: this machine has no address %s: set %s to one that it has", key, address, key)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: not allowed to listen on %s: use a port above 1023", key, address)
	case err != nil:
		return nil, fmt.Errorf("%s: listen on %s: %w", key, address, err)
	}
	return l, nil
}

// ServeOptions shape Serve.
type ServeOptions struct {
	TLS *tls.Config  // nil: in clear, HTTP/1.1 and HTTP/2
	Log *slog.Logger // nil: discards
}

// drainTime is how long open requests may go on when a server ends; streams are
// cut then.
const drainTime = 500 * time.Millisecond

// Serve serves until ctx ends, then lets open requests finish for a moment. It
// returns nil after an end that ctx asked for.
func Serve(ctx context.Context, l net.Listener, handler http.Handler, opt ServeOptions) error {
	log := opt.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		TLSConfig:         opt.TLS,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       0, // streams; bodies are capped and each write has a deadline
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 256, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() {
		if opt.TLS != nil {
			done <- server.ServeTLS(l, "", "")
		} else {
			done <- server.Serve(l)
		}
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	cancel() // streams end
	stop, stopped := context.WithTimeout(context.Background(), drainTime)
	defer stopped()
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close() // what is still open is cut
	}
	<-done
	return nil
}

// LoadTLS reads certificate files; both empty: no TLS.
func LoadTLS(certificate, key string) (*tls.Config, error) {
	if certificate == "" && key == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read rpc.tls_certificate and rpc.tls_key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}
