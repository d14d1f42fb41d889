package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/light"
	"github.com/bedrock-bft/bedrock/client/proof"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// ErrUnverified says that what a node answered does not hold.
var ErrUnverified = errors.New("the node's answer does not hold")

// maxAnswer bounds a node's answer in bytes.
const maxAnswer = 64 << 20

// Trust is what everything is checked against: a genesis hash and epoch 1 of that
// document (or a later epoch that a person vouches for).
type Trust struct {
	Genesis types.Hash
	Epoch   types.Epoch
}

// Options shape a Client.
type Options struct {
	Trust Trust
	// TLS is used for https URLs; nil: the system's.
	TLS *tls.Config
	// Timeout bounds a request that is no stream [30 s].
	Timeout time.Duration
	// MaxAnswer bounds an answer in bytes [64 MiB].
	MaxAnswer int
}

// Client is a client of one node. Safe for concurrent use.
type Client struct {
	url     string
	rpc     nodev1connect.NodeServiceClient
	chain   *light.Chain
	timeout time.Duration
}

// New makes a client of the node at url (http://HOST:PORT). It does not connect.
func New(address string, opt Options) (*Client, error) {
	chain, err := light.New(opt.Trust.Genesis, opt.Trust.Epoch)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if opt.MaxAnswer <= 0 {
		opt.MaxAnswer = maxAnswer
	}
	rpc, err := connectTo(address, opt.TLS, opt.MaxAnswer)
	if err != nil {
		return nil, err
	}
	if opt.Timeout <= 0 {
		opt.Timeout = 30 * time.Second
	}
	return &Client{url: address, rpc: rpc, chain: chain, timeout: opt.Timeout}, nil
}

// Connect is the bare service of a node, which verifies nothing.
func Connect(address string, config *tls.Config) (nodev1connect.NodeServiceClient, error) {
	return connectTo(address, config, maxAnswer)
}

func connectTo(address string, config *tls.Config, most int) (nodev1connect.NodeServiceClient, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("node address %q: write http://HOST:PORT", address)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{
		Proxy: nil, Protocols: protocols, TLSClientConfig: config, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
	return nodev1connect.NewNodeServiceClient(&http.Client{Transport: transport}, address, connect.WithReadMaxBytes(most)), nil
}

// URL is the node's address.
func (c *Client) URL() string { return c.url }

// RPC is the bare service.
func (c *Client) RPC() nodev1connect.NodeServiceClient { return c.rpc }

// Chain is the chain of epochs verified so far.
func (c *Client) Chain() *light.Chain { return c.chain }

func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.timeout)
}

// Status is what the node says of itself. That it is of this chain is checked;
// nothing else can be.
func (c *Client) Status(ctx context.Context) (*nodev1.GetStatusResponse, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	res, err := c.rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
	if err != nil {
		return nil, c.failed("status", err)
	}
	if got := res.Msg.GenesisHash; types.Hash(got32(got)) != c.chain.Genesis() {
		return nil, fmt.Errorf("%w: %s is a node of the chain with genesis hash %x, not %s", ErrUnverified, c.url, got, c.chain.Genesis())
	}
	return res.Msg, nil
}

func got32(b []byte) (h [32]byte) {
	if len(b) == 32 {
		copy(h[:], b)
	}
	return h
}

// failed says what was asked of whom.
func (c *Client) failed(what string, err error) error {
	if connect.CodeOf(err) == connect.CodeUnavailable {
		return fmt.Errorf("%s: %w (is a node running at %s?)", what, err, c.url)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Learn makes the client know the epochs up to number.
func (c *Client) Learn(ctx context.Context, number uint64) error {
	for c.chain.Newest() < number {
		before := c.chain.Newest()
		res, err := c.rpc.ListEpochs(ctx, connect.NewRequest(&nodev1.ListEpochsRequest{From: before + 1}))
		if err != nil {
			return c.failed("epochs", err)
		}
		for _, m := range res.Msg.Epochs {
			start, err := codec.EpochStartFrom(m)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrUnverified, err)
			}
			if err := c.chain.Extend(*start); err != nil {
				return fmt.Errorf("%w: %w", ErrUnverified, err)
			}
		}
		if c.chain.Newest() == before {
			return fmt.Errorf("%w: %s has no certificate for epoch %d", ErrUnverified, c.url, before+1)
		}
	}
	return nil
}

// verify checks a proof, learning epochs where that needs them.
func (c *Client) verify(ctx context.Context, p *nodev1.Proof) (*proof.Result, error) {
	if p == nil {
		return nil, fmt.Errorf("%w: it came without a proof", ErrUnverified)
	}
	if got32(p.GenesisHash) != c.chain.Genesis() {
		return nil, fmt.Errorf("%w: it is of another chain", ErrUnverified)
	}
	if err := c.Learn(ctx, p.GetCertificate().GetEpoch()); err != nil {
		return nil, err
	}
	r, err := proof.VerifyFrom(c.chain, p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	return r, nil
}
