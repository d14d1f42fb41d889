package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// maxModule bounds a module that is added.
const maxModule = 64 << 20

// AdminBackend is what a node gives to its administration.
type AdminBackend interface {
	// AddExecutor checks a module and keeps it by its hash. A refusal is a
	// verdict, not an error.
	AddExecutor(ctx context.Context, module []byte) (*nodev1.ExecutorVerdict, error)
	// Executors are the hashes of the modules that are kept.
	Executors(ctx context.Context) ([]types.Hash, error)
	// Rehearse runs a module on the newest blocks beside those that executed them:
	// a file, or where that is nil the module of a hash, which ErrNotFound says that
	// the node does not hold. engine 0: that of the newest epoch.
	Rehearse(ctx context.Context, module []byte, hash types.Hash, engine uint32, blocks uint64) (*nodev1.RehearseExecutorResponse, error)
	// SetHaltHeight stops the node's part once that height is final; 0 lifts it.
	SetHaltHeight(ctx context.Context, height uint64) error
	// SetSigning suspends signing, or resumes it.
	SetSigning(ctx context.Context, suspended bool, reason string) error
	// Peers are the connected ones.
	Peers(ctx context.Context) []*nodev1.Peer
	// SignConsent signs a statement of this node's identity. The lengths of the
	// request's fields are checked.
	SignConsent(ctx context.Context, req *nodev1.SignConsentRequest) (*nodev1.SignConsentResponse, error)
	// SignReady is a signed transaction that says that a validator's node is
	// synced. ErrUnavailable while it is not.
	SignReady(ctx context.Context, validator types.Hash) ([]byte, error)
}

// AdminOptions shape the administration.
type AdminOptions struct {
	Level   *slog.LevelVar // of the node's log
	Profile bool           // serve pprof
}

type admin struct {
	backend    AdminBackend
	level      *slog.LevelVar
	rehearsing chan struct{} // one place
}

var _ nodev1connect.AdminServiceHandler = (*admin)(nil)

// NewAdmin makes the administration's handler. Whoever reaches it is trusted: its
// listener is on loopback (config.Admin.Listen is checked for that), or lets in who holds
// a pinned key. // rule: pinned-admin
func NewAdmin(backend AdminBackend, opt AdminOptions) http.Handler {
	if opt.Level == nil {
		opt.Level = new(slog.LevelVar)
	}
	mux := http.NewServeMux()
	mux.Handle(nodev1connect.NewAdminServiceHandler(&admin{backend, opt.Level, make(chan struct{}, 1)}, connect.WithReadMaxBytes(maxModule+1<<20)))
	if opt.Profile {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return writeDeadlines(5*time.Minute, sameSite(mux))
}

// sameSite refuses what a web page sends: a browser on this machine reaches
// loopback too.
func sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "the admin service answers no web pages", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// AddExecutor implements the service.
func (a *admin) AddExecutor(ctx context.Context, req *connect.Request[nodev1.AddExecutorRequest]) (*connect.Response[nodev1.AddExecutorResponse], error) {
	if n := len(req.Msg.Module); n == 0 || n > maxModule {
		return nil, invalid("module of %d bytes: 1 to %d", n, maxModule)
	}
	verdict, err := a.backend.AddExecutor(ctx, req.Msg.Module)
	if err != nil {
		return nil, answer("add executor", err)
	}
	return connect.NewResponse(&nodev1.AddExecutorResponse{Verdict: verdict}), nil
}

// maxRehearsed bounds the blocks of one rehearsal.
const maxRehearsed = 10_000

// RehearseExecutor implements the service. Rehearsals run one at a time.
func (a *admin) RehearseExecutor(ctx context.Context, req *connect.Request[nodev1.RehearseExecutorRequest]) (*connect.Response[nodev1.RehearseExecutorResponse], error) {
	var hash types.Hash
	module := req.Msg.GetModule()
	switch n := len(module); {
	case n > maxModule:
		return nil, invalid("module of %d bytes: at most %d", n, maxModule)
	case n == 0:
		var err error
		if hash, err = hashArgument("give the module's file or hash", req.Msg.GetHash()); err != nil {
			return nil, err
		}
	}
	if req.Msg.Blocks > maxRehearsed {
		return nil, invalid("%d blocks: at most %d", req.Msg.Blocks, maxRehearsed)
	}
	select {
	case a.rehearsing <- struct{}{}:
		defer func() { <-a.rehearsing }()
	default:
		return nil, connect.NewError(connect.CodeResourceExhausted, errors.New("another rehearsal runs: wait for its end"))
	}
	res, err := a.backend.Rehearse(ctx, module, hash, req.Msg.Engine, req.Msg.Blocks)
	if err != nil {
		return nil, answer("rehearse executor", err)
	}
	return connect.NewResponse(res), nil
}

// ListExecutors implements the service.
func (a *admin) ListExecutors(ctx context.Context, _ *connect.Request[nodev1.ListExecutorsRequest]) (*connect.Response[nodev1.ListExecutorsResponse], error) {
	list, err := a.backend.Executors(ctx)
	if err != nil {
		return nil, answer("list executors", err)
	}
	res := &nodev1.ListExecutorsResponse{}
	for i := range list {
		res.Hashes = append(res.Hashes, list[i][:])
	}
	return connect.NewResponse(res), nil
}

// SetHaltHeight implements the service.
func (a *admin) SetHaltHeight(ctx context.Context, req *connect.Request[nodev1.SetHaltHeightRequest]) (*connect.Response[nodev1.SetHaltHeightResponse], error) {
	if err := a.backend.SetHaltHeight(ctx, req.Msg.Height); err != nil {
		return nil, answer("set halt height", err)
	}
	return connect.NewResponse(&nodev1.SetHaltHeightResponse{}), nil
}

// SetLogLevel implements the service.
func (a *admin) SetLogLevel(_ context.Context, req *connect.Request[nodev1.SetLogLevelRequest]) (*connect.Response[nodev1.SetLogLevelResponse], error) {
	level, ok := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[req.Msg.Level]
	if !ok {
		return nil, invalid("level %.20q: use debug, info, warn or error", req.Msg.Level)
	}
	previous := a.level.Level()
	a.level.Set(level)
	return connect.NewResponse(&nodev1.SetLogLevelResponse{Previous: strings.ToLower(previous.String())}), nil
}

// SetSigning implements the service. // rule: boot-count
func (a *admin) SetSigning(ctx context.Context, req *connect.Request[nodev1.SetSigningRequest]) (*connect.Response[nodev1.SetSigningResponse], error) {
	reason := req.Msg.Reason
	if len(reason) > 256 {
		return nil, invalid("reason of %d bytes: at most 256", len(reason))
	}
	if req.Msg.Suspended && reason == "" {
		return nil, invalid("say in reason why signing is suspended")
	}
	if err := a.backend.SetSigning(ctx, req.Msg.Suspended, reason); err != nil {
		return nil, answer("set signing", err)
	}
	return connect.NewResponse(&nodev1.SetSigningResponse{}), nil
}

// ListPeers implements the service.
func (a *admin) ListPeers(ctx context.Context, _ *connect.Request[nodev1.ListPeersRequest]) (*connect.Response[nodev1.ListPeersResponse], error) {
	return connect.NewResponse(&nodev1.ListPeersResponse{Peers: a.backend.Peers(ctx)}), nil
}

// SignConsent implements the service.
func (a *admin) SignConsent(ctx context.Context, req *connect.Request[nodev1.SignConsentRequest]) (*connect.Response[nodev1.SignConsentResponse], error) {
	switch to := req.Msg.To.(type) {
	case *nodev1.SignConsentRequest_Join:
		if _, err := hashArgument("owner_key", to.Join.GetOwnerKey()); err != nil {
			return nil, err
		}
	case *nodev1.SignConsentRequest_Rotate:
		if _, err := hashArgument("validator", to.Rotate.GetValidator()); err != nil {
			return nil, err
		}
		if _, err := hashArgument("expected_identity", to.Rotate.GetExpectedIdentity()); err != nil {
			return nil, err
		}
		if to.Rotate.ValidUntil == 0 {
			return nil, invalid("valid_until is 0: a rotation needs a last height")
		}
	default:
		return nil, invalid("say what to consent to: join or rotate")
	}
	res, err := a.backend.SignConsent(ctx, req.Msg)
	if err != nil {
		return nil, answer("sign consent", err)
	}
	return connect.NewResponse(res), nil
}

// SignReady implements the service.
func (a *admin) SignReady(ctx context.Context, req *connect.Request[nodev1.SignReadyRequest]) (*connect.Response[nodev1.SignReadyResponse], error) {
	name, err := hashArgument("validator", req.Msg.Validator)
	if err != nil {
		return nil, err
	}
	tx, err := a.backend.SignReady(ctx, name)
	if err != nil {
		return nil, answer("sign ready", err)
	}
	return connect.NewResponse(&nodev1.SignReadyResponse{Transaction: tx}), nil
}
