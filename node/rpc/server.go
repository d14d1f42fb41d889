package rpc

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// Options bound and shape the public interface. Zero stands for the default in
// brackets.
type Options struct {
	MaxBodyBytes   int64         // [4 MiB]
	MaxStreams     int           // [256]
	ClientRate     int           // requests a second and address [500]
	ClientBurst    int           // [1000]
	QueryWorkers   int           // [half of the cores]
	QueryQueue     int           // [64]
	QueryTimeout   time.Duration // [5 s]
	WriteTimeout   time.Duration // a client that takes nothing for so long is dropped [10 s]
	AllowedOrigins []string
	// Explorer is the page served at '/'; nil: a line of text.
	Explorer   fs.FS
	Log        *slog.Logger          // discards
	Registerer prometheus.Registerer // metrics are kept, not exported
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxBodyBytes, 4<<20)
	setDefault(&o.MaxStreams, 256)
	setDefault(&o.ClientRate, 500)
	setDefault(&o.ClientBurst, 1000)
	setDefault(&o.QueryWorkers, max(1, runtime.NumCPU()/2))
	setDefault(&o.QueryQueue, 64)
	setDefault(&o.QueryTimeout, 5*time.Second)
	setDefault(&o.WriteTimeout, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T int | int64 | time.Duration](v *T, preset T) {
	if *v <= 0 {
		*v = preset
	}
}

// Server is the public interface.
type Server struct {
	backend Backend
	opt     Options
	queries *queryPool
	feed    *feed
	streams chan struct{} // a token an open stream
	metrics *metrics
	handler http.Handler
}

var _ nodev1connect.NodeServiceHandler = (*Server)(nil)

// NewServer makes the public interface over backend.
func NewServer(backend Backend, options Options) (*Server, error) {
	opt := options.withDefaults()
	m, err := newMetrics(opt.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register RPC metrics: %w", err)
	}
	s := &Server{
		backend: backend,
		opt:     opt,
		queries: newQueryPool(opt.QueryWorkers, opt.QueryQueue, opt.QueryTimeout),
		feed:    newFeed(backend),
		streams: make(chan struct{}, opt.MaxStreams),
		metrics: m,
	}
	limiter, err := newClientLimiter(opt.ClientRate, opt.ClientBurst)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	path, handler := nodev1connect.NewNodeServiceHandler(s,
		connect.WithReadMaxBytes(int(opt.MaxBodyBytes)),
		// Hashes and signatures hardly compress: small answers are not worth the time.
		connect.WithCompressMinBytes(64<<10),
		connect.WithInterceptors(m.interceptor()),
		connect.WithRecover(s.recovered),
	)
	mux.Handle(path, limiter.wrap(handler))
	mux.Handle("/", explorer(opt.Explorer))
	handler = readDeadlines(opt.WriteTimeout, origins(opt.AllowedOrigins, mux))
	// Outermost: it must reach the server's own writer to close the connection.
	s.handler = http.MaxBytesHandler(writeDeadlines(opt.WriteTimeout, handler), opt.MaxBodyBytes+64<<10)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// explorer serves the page, which asks the RPC on the same origin.
func explorer(page fs.FS) http.Handler {
	if page == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintln(w, "A Bedrock node. Its interface is bedrock.node.v1.NodeService; the explorer page is switched off.")
		})
	}
	files := http.FileServerFS(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		files.ServeHTTP(w, r)
	})
}
