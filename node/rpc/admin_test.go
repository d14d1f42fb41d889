package rpc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// adminBackend notes what it was told.
type adminBackend struct {
	halt      uint64
	suspended bool
	reason    string
}

func (a *adminBackend) AddExecutor(_ context.Context, module []byte) (*nodev1.ExecutorVerdict, error) {
	hash := types.SumHash(module)
	return &nodev1.ExecutorVerdict{Hash: hash[:], Accepted: len(module) > 3, Reason: "too small"}, nil
}

func (a *adminBackend) Executors(context.Context) ([]types.Hash, error) {
	return []types.Hash{types.SumHash([]byte("module"))}, nil
}

// Rehearse says which way it was asked, by the engine number; a hash of zeros it does
// not hold.
func (a *adminBackend) Rehearse(_ context.Context, module []byte, hash types.Hash, engine uint32, blocks uint64) (*nodev1.RehearseExecutorResponse, error) {
	if module == nil && hash.IsZero() {
		return nil, rpc.ErrNotFound
	}
	return &nodev1.RehearseExecutorResponse{ToHeight: uint64(engine), Transactions: blocks, Verdict: &nodev1.ExecutorVerdict{Accepted: module != nil, Hash: hash[:]}}, nil
}

func (a *adminBackend) SetHaltHeight(_ context.Context, h uint64) error {
	a.halt = h
	return nil
}

func (a *adminBackend) SetSigning(_ context.Context, suspended bool, reason string) error {
	a.suspended, a.reason = suspended, reason
	return nil
}

func (a *adminBackend) Peers(context.Context) []*nodev1.Peer {
	return []*nodev1.Peer{{Role: "validator"}}
}

func (a *adminBackend) SignConsent(_ context.Context, req *nodev1.SignConsentRequest) (*nodev1.SignConsentResponse, error) {
	return &nodev1.SignConsentResponse{Signature: req.GetJoin().GetOwnerKey()}, nil
}

func (a *adminBackend) SignReady(_ context.Context, validator types.Hash) ([]byte, error) {
	if validator == (types.Hash{}) {
		return nil, fmt.Errorf("%w: it is 7 heights behind", rpc.ErrUnavailable)
	}
	return validator[:], nil
}

func TestAdmin(t *testing.T) {
	backend, level := &adminBackend{}, new(slog.LevelVar)
	url := rpctest.ServeHandler(t, rpc.NewAdmin(backend, rpc.AdminOptions{Level: level, Profile: true}))
	c := nodev1connect.NewAdminServiceClient(http.DefaultClient, url)
	added, err := c.AddExecutor(ctx, connect.NewRequest(&nodev1.AddExecutorRequest{Module: []byte("x")}))
	if err != nil || added.Msg.Verdict.Accepted || added.Msg.Verdict.Reason != "too small" {
		t.Errorf("a refused module: %v, %v", added, err)
	}
	if list, err := c.ListExecutors(ctx, connect.NewRequest(&nodev1.ListExecutorsRequest{})); err != nil || len(list.Msg.Hashes) != 1 {
		t.Errorf("executors: %v, %v", list, err)
	}
	if _, err := c.SetHaltHeight(ctx, connect.NewRequest(&nodev1.SetHaltHeightRequest{Height: 7})); err != nil || backend.halt != 7 {
		t.Errorf("halt height %d: %v", backend.halt, err)
	}
	previous, err := c.SetLogLevel(ctx, connect.NewRequest(&nodev1.SetLogLevelRequest{Level: "debug"}))
	if err != nil || previous.Msg.Previous != "info" || level.Level() != slog.LevelDebug {
		t.Errorf("log level: %v, %v", previous, err)
	}
	if _, err := c.SetSigning(ctx, connect.NewRequest(&nodev1.SetSigningRequest{Suspended: true, Reason: "boots fell"})); err != nil || !backend.suspended || backend.reason != "boots fell" {
		t.Errorf("signing: %v", err)
	}
	if peers, err := c.ListPeers(ctx, connect.NewRequest(&nodev1.ListPeersRequest{})); err != nil || len(peers.Msg.Peers) != 1 {
		t.Errorf("peers: %v, %v", peers, err)
	}
	consent := func(m *nodev1.SignConsentRequest) error {
		_, err := c.SignConsent(ctx, connect.NewRequest(m))
		return err
	}
	key := make([]byte, 32)
	if err := consent(&nodev1.SignConsentRequest{To: &nodev1.SignConsentRequest_Join{Join: &nodev1.JoinConsent{OwnerKey: key}}}); err != nil {
		t.Errorf("consent: %v", err)
	}
	ready, err := c.SignReady(ctx, connect.NewRequest(&nodev1.SignReadyRequest{Validator: bytes.Repeat([]byte{1}, 32)}))
	if err != nil || len(ready.Msg.Transaction) != 32 {
		t.Errorf("ready: %v, %v", ready, err)
	}
	_, err = c.SignReady(ctx, connect.NewRequest(&nodev1.SignReadyRequest{Validator: key}))
	code(t, "ready before it is synced", err, connect.CodeUnavailable, "7 heights behind")
	_, err = c.SignReady(ctx, connect.NewRequest(&nodev1.SignReadyRequest{}))
	code(t, "nobody is ready", err, connect.CodeInvalidArgument, "validator")
	code(t, "consent to nothing", consent(&nodev1.SignConsentRequest{}), connect.CodeInvalidArgument, "join or rotate")
	code(t, "consent to nobody", consent(&nodev1.SignConsentRequest{To: &nodev1.SignConsentRequest_Join{Join: &nodev1.JoinConsent{}}}), connect.CodeInvalidArgument, "owner_key")
	code(t, "consent for ever", consent(&nodev1.SignConsentRequest{To: &nodev1.SignConsentRequest_Rotate{
		Rotate: &nodev1.RotateConsent{Validator: key, ExpectedIdentity: key}}}), connect.CodeInvalidArgument, "last height")
	_, err = c.SetLogLevel(ctx, connect.NewRequest(&nodev1.SetLogLevelRequest{Level: "loud"}))
	code(t, "unknown level", err, connect.CodeInvalidArgument, "debug, info")
	_, err = c.SetSigning(ctx, connect.NewRequest(&nodev1.SetSigningRequest{Suspended: true}))
	code(t, "no reason", err, connect.CodeInvalidArgument, "why")
	_, err = c.AddExecutor(ctx, connect.NewRequest(&nodev1.AddExecutorRequest{}))
	code(t, "no module", err, connect.CodeInvalidArgument, "module of 0 bytes")
	res, err := http.Get(url + "/debug/pprof/cmdline")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("pprof: %v, %v", res, err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
}

// A page in a browser on the same machine reaches loopback: it is not answered.
func TestAdminAnswersNoWebPages(t *testing.T) {
	url := rpctest.ServeHandler(t, rpc.NewAdmin(&adminBackend{}, rpc.AdminOptions{}))
	req, err := http.NewRequest("POST", url+"/bedrock.node.v1.AdminService/SetHaltHeight", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a web page was answered with %d", res.StatusCode)
	}
}

func TestAdminRehearses(t *testing.T) {
	url := rpctest.ServeHandler(t, rpc.NewAdmin(&adminBackend{}, rpc.AdminOptions{}))
	c := nodev1connect.NewAdminServiceClient(http.DefaultClient, url)
	ask := func(req *nodev1.RehearseExecutorRequest) (*nodev1.RehearseExecutorResponse, error) {
		res, err := c.RehearseExecutor(ctx, connect.NewRequest(req))
		if err != nil {
			return nil, err
		}
		return res.Msg, nil
	}
	file := &nodev1.RehearseExecutorRequest_Module{Module: []byte("module")}
	if res, err := ask(&nodev1.RehearseExecutorRequest{Which: file, Engine: 2, Blocks: 5}); err != nil || !res.Verdict.Accepted || res.ToHeight != 2 || res.Transactions != 5 {
		t.Errorf("a file: %v, %v", res, err)
	}
	hash := types.SumHash([]byte("module"))
	held := &nodev1.RehearseExecutorRequest_Hash{Hash: hash[:]}
	if res, err := ask(&nodev1.RehearseExecutorRequest{Which: held}); err != nil || res.Verdict.Accepted || types.Hash(res.Verdict.Hash) != hash {
		t.Errorf("a hash: %v, %v", res, err)
	}
	_, err := ask(&nodev1.RehearseExecutorRequest{})
	code(t, "neither file nor hash", err, connect.CodeInvalidArgument, "file or hash")
	_, err = ask(&nodev1.RehearseExecutorRequest{Which: file, Blocks: 1 << 40})
	code(t, "too many blocks", err, connect.CodeInvalidArgument, "at most")
	_, err = ask(&nodev1.RehearseExecutorRequest{Which: &nodev1.RehearseExecutorRequest_Hash{Hash: make([]byte, 32)}})
	code(t, "a module that is not held", err, connect.CodeNotFound, "rehearse executor")
}
