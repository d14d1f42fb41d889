package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"connectrpc.com/connect"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxClients bounds the addresses whose rate is remembered; the longest unseen
// one is forgotten first.
const maxClients = 16_384

// clientLimiter is a token bucket for each client address.
type clientLimiter struct {
	buckets *lru.Cache[netip.Prefix, *rate.Limiter]
	rate    rate.Limit
	burst   int
}

func newClientLimiter(perSecond, burst int) (*clientLimiter, error) {
	buckets, err := lru.New[netip.Prefix, *rate.Limiter](maxClients)
	if err != nil {
		return nil, fmt.Errorf("make client limits: %w", err)
	}
	return &clientLimiter{buckets: buckets, rate: rate.Limit(perSecond), burst: burst}, nil
}

func (l *clientLimiter) wrap(next http.Handler) http.Handler {
	refuse := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.allow(r.RemoteAddr) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "1")
		err := connect.NewError(connect.CodeResourceExhausted,
			fmt.Errorf("more than %g requests a second from this address: send batches, or wait", float64(l.rate)))
		if !refuse.IsSupported(r) {
			http.Error(w, err.Message(), http.StatusTooManyRequests)
			return
		}
		_ = refuse.Write(w, r, err) // the client is gone if it fails
	})
}

func (l *clientLimiter) allow(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil { // no network address: a test's pipe
		return true
	}
	bits := 32
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = 64 // one subscriber has a whole /64
	}
	client, err := addr.Prefix(bits)
	if err != nil {
		return false
	}
	bucket, ok := l.buckets.Get(client)
	if !ok {
		bucket = rate.NewLimiter(l.rate, l.burst)
		if before, there, _ := l.buckets.PeekOrAdd(client, bucket); there {
			bucket = before
		}
	}
	return bucket.Allow()
}

// queryPool bounds reads of the state and simulations: how many run, how many
// wait, for how long.
type queryPool struct {
	workers chan struct{}
	waiting chan struct{}
	timeout time.Duration
}

func newQueryPool(workers, queue int, timeout time.Duration) *queryPool {
	return &queryPool{
		workers: make(chan struct{}, workers),
		waiting: make(chan struct{}, workers+queue),
		timeout: timeout,
	}
}

// run calls f when there is room, with the pool's deadline.
func (p *queryPool) run(ctx context.Context, f func(context.Context) error) error {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return connect.NewError(connect.CodeResourceExhausted, errors.New("too many queries wait at this node: try again, or ask another"))
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	select {
	case p.workers <- struct{}{}:
		defer func() { <-p.workers }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return f(ctx)
}

// origins lets pages of listed web origins call the node.
func origins(allowed []string, next http.Handler) http.Handler {
	all := slices.Contains(allowed, "*")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" || !all && !slices.Contains(allowed, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Expose-Headers", "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", "Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent")
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// writeDeadlines drops a client that takes no bytes for the time given: a stream
// as a whole has no deadline, each of its writes has.
func writeDeadlines(timeout time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&deadlineWriter{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}, r)
	})
}

type deadlineWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// Unwrap lets http.ResponseController reach the connection.
func (w *deadlineWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements io.Writer.
func (w *deadlineWriter) Write(b []byte) (int, error) {
	w.limit(time.Now().Add(w.timeout))
	defer w.limit(time.Time{})
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher, which Connect asks for.
func (w *deadlineWriter) Flush() {
	w.limit(time.Now().Add(w.timeout))
	defer w.limit(time.Time{})
	_ = w.control.Flush() // the next write tells
}

// limit sets the deadline of a write, or lifts it: with HTTP/2 one that passes
// between two writes would end an idle stream.
func (w *deadlineWriter) limit(at time.Time) {
	_ = w.control.SetWriteDeadline(at) // not every connection has one
}

// readDeadlines drops a client that sends its body too slowly; a stream that was
// asked for is not read any more.
func readDeadlines(timeout time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		bounded := *r // the server goes on with its own
		bounded.Body = &deadlineBody{ReadCloser: r.Body, control: http.NewResponseController(w), timeout: timeout}
		next.ServeHTTP(w, &bounded)
	})
}

type deadlineBody struct {
	io.ReadCloser
	control *http.ResponseController
	timeout time.Duration
}

// Read implements io.Reader.
func (b *deadlineBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(b.timeout)) // not every connection has one
	n, err := b.ReadCloser.Read(p)
	_ = b.control.SetReadDeadline(time.Time{})
	return n, err
}
