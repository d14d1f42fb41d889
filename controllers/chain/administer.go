package chain

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/pinned"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// Bounds of the administration's calls.
const (
	adminTimeout   = 30 * time.Second
	maxAdminAnswer = 16 << 20
	maxListed      = 4096 // modules or peers of one answer
	maxAdmins      = 1024 // nodes whose connections are kept
)

// Administration is the Admin over the nodes' admin services.
type Administration struct {
	operator ed25519.PrivateKey

	mu    sync.Mutex
	known map[adminKey]nodev1connect.AdminServiceClient
}

type adminKey struct {
	url  string
	keys [pinned.MaxKeys]ledger.ID
}

var _ Admin = (*Administration)(nil)

// NewAdmin administers nodes that pin the operator's key. It does not connect.
// // rule: pinned-admin
func NewAdmin(operator ed25519.PrivateKey) (Admin, error) {
	if len(operator) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("the operator's key has %d bytes: want an Ed25519 private key of %d", len(operator), ed25519.PrivateKeySize)
	}
	return &Administration{operator: operator, known: map[adminKey]nodev1connect.AdminServiceClient{}}, nil
}

// service is a node's admin service.
func (a *Administration) service(at AdminEndpoint) (nodev1connect.AdminServiceClient, error) {
	key := adminKey{url: at.URL}
	if len(at.Keys) > len(key.keys) {
		return nil, fmt.Errorf("%s: %d keys are pinned: want 1 or 2", at.URL, len(at.Keys))
	}
	copy(key.keys[:], at.Keys)
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.known[key]; c != nil {
		return c, nil
	}
	transport, err := a.transport(at)
	if err != nil {
		return nil, err
	}
	if len(a.known) >= maxAdmins {
		clear(a.known)
	}
	c := nodev1connect.NewAdminServiceClient(&http.Client{Transport: transport}, at.URL, connect.WithReadMaxBytes(maxAdminAnswer))
	a.known[key] = c
	return c, nil
}

func (a *Administration) transport(at AdminEndpoint) (*http.Transport, error) {
	u, err := url.Parse(at.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("admin service %q: write https://HOST:PORT", at.URL)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	t := &http.Transport{Proxy: nil, Protocols: protocols, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 1}
	if u.Scheme == "http" {
		if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("admin service %s: without TLS only loopback is reached: use https and the node's key", at.URL)
		}
		return t, nil
	}
	var keys []pinned.Key
	for _, k := range at.Keys {
		keys = append(keys, k)
	}
	if t.TLSClientConfig, err = pinned.Client(a.operator, keys); err != nil {
		return nil, fmt.Errorf("admin service %s: %w", at.URL, err)
	}
	return t, nil
}

// administer makes one call with a bound on its time.
func administer[Q, R any](ctx context.Context, a *Administration, at AdminEndpoint, what string,
	call func(nodev1connect.AdminServiceClient, context.Context, *connect.Request[Q]) (*connect.Response[R], error), request *Q) (*R, error) {
	c, err := a.service(at)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	res, err := call(c, ctx, connect.NewRequest(request))
	if err != nil {
		return nil, failed(Endpoint(at.URL), what, err)
	}
	return res.Msg, nil
}

// SuspendSigning implements Admin.
func (a *Administration) SuspendSigning(ctx context.Context, at AdminEndpoint, reason string) error {
	_, err := administer(ctx, a, at, "suspend signing", nodev1connect.AdminServiceClient.SetSigning, &nodev1.SetSigningRequest{Suspended: true, Reason: reason})
	return err
}

// ResumeSigning implements Admin.
func (a *Administration) ResumeSigning(ctx context.Context, at AdminEndpoint) error {
	_, err := administer(ctx, a, at, "resume signing", nodev1connect.AdminServiceClient.SetSigning, &nodev1.SetSigningRequest{})
	return err
}

// ConsentToJoin implements Admin.
func (a *Administration) ConsentToJoin(ctx context.Context, at AdminEndpoint, owner ledger.ID) (*Consent, error) {
	m, err := administer(ctx, a, at, "consent to join", nodev1connect.AdminServiceClient.SignConsent,
		&nodev1.SignConsentRequest{To: &nodev1.SignConsentRequest_Join{Join: &nodev1.JoinConsent{OwnerKey: owner[:]}}})
	if err != nil {
		return nil, err
	}
	c, err := consentOf(m, 0)
	if err == nil {
		err = c.Join("").CheckConsent(c.Genesis, owner)
	}
	if err != nil {
		return nil, fmt.Errorf("consent to join of %s: %w", at.URL, err)
	}
	return c, nil
}

// ConsentToRotate implements Admin.
func (a *Administration) ConsentToRotate(ctx context.Context, at AdminEndpoint, validator, expected ledger.ID, validUntil uint64) (*Consent, error) {
	m, err := administer(ctx, a, at, "consent to rotate", nodev1connect.AdminServiceClient.SignConsent,
		&nodev1.SignConsentRequest{To: &nodev1.SignConsentRequest_Rotate{Rotate: &nodev1.RotateConsent{
			Validator: validator[:], ExpectedIdentity: expected[:], ValidUntil: validUntil}}})
	if err != nil {
		return nil, err
	}
	c, err := consentOf(m, validUntil)
	if err == nil {
		err = c.Rotate(validator, expected).CheckConsent(c.Genesis, validUntil)
	}
	if err != nil {
		return nil, fmt.Errorf("consent to rotate of %s: %w", at.URL, err)
	}
	return c, nil
}

func consentOf(m *nodev1.SignConsentResponse, validUntil uint64) (*Consent, error) {
	if len(m.GenesisHash) != 32 || len(m.NetworkKey) != ed25519.PublicKeySize || len(m.Signature) != ed25519.SignatureSize {
		return nil, fmt.Errorf("the answer names no chain, no identity, or has no signature")
	}
	return &Consent{Genesis: types.Hash(m.GenesisHash), Identity: ledger.ID(m.NetworkKey), ConsensusKey: m.ConsensusKey,
		Possession: m.Possession, Signature: [64]byte(m.Signature), ValidUntil: validUntil}, nil
}

// SignReady implements Admin.
func (a *Administration) SignReady(ctx context.Context, at AdminEndpoint, validator ledger.ID) ([]byte, error) {
	m, err := administer(ctx, a, at, "sign ready", nodev1connect.AdminServiceClient.SignReady, &nodev1.SignReadyRequest{Validator: validator[:]})
	if err != nil {
		return nil, err
	}
	tx, err := ledger.Decode(m.Transaction)
	if err != nil {
		return nil, fmt.Errorf("ready of %s: %w", at.URL, err)
	}
	if op, ok := tx.Body.Operation.(ledger.Ready); !ok || op.Validator != validator {
		return nil, fmt.Errorf("ready of %s: it signed something else", at.URL)
	}
	return m.Transaction, nil
}

// AddExecutor implements Admin.
func (a *Administration) AddExecutor(ctx context.Context, at AdminEndpoint, module []byte) (types.Hash, error) {
	m, err := administer(ctx, a, at, "add executor", nodev1connect.AdminServiceClient.AddExecutor, &nodev1.AddExecutorRequest{Module: module})
	if err != nil {
		return types.Hash{}, err
	}
	if v := m.Verdict; !v.GetAccepted() {
		return types.Hash{}, fmt.Errorf("add executor to %s: refused: %s", at.URL, v.GetReason())
	}
	return types.SumHash(module), nil
}

// Executors implements Admin.
func (a *Administration) Executors(ctx context.Context, at AdminEndpoint) ([]types.Hash, error) {
	m, err := administer(ctx, a, at, "executors", nodev1connect.AdminServiceClient.ListExecutors, &nodev1.ListExecutorsRequest{})
	if err != nil {
		return nil, err
	}
	var out []types.Hash
	for _, h := range m.Hashes[:min(len(m.Hashes), maxListed)] {
		out = append(out, types.Hash(idOf(h)))
	}
	return out, nil
}

// SetHaltHeight implements Admin.
func (a *Administration) SetHaltHeight(ctx context.Context, at AdminEndpoint, height uint64) error {
	_, err := administer(ctx, a, at, "set the halt height", nodev1connect.AdminServiceClient.SetHaltHeight, &nodev1.SetHaltHeightRequest{Height: height})
	return err
}

// Peers implements Admin.
func (a *Administration) Peers(ctx context.Context, at AdminEndpoint) ([]Peer, error) {
	m, err := administer(ctx, a, at, "peers", nodev1connect.AdminServiceClient.ListPeers, &nodev1.ListPeersRequest{})
	if err != nil {
		return nil, err
	}
	var out []Peer
	for _, p := range m.Peers[:min(len(m.Peers), maxListed)] {
		out = append(out, Peer{Identity: idOf(p.NetworkKey), Address: p.Address, Role: p.Role, FinalHeight: p.FinalHeight})
	}
	return out, nil
}
