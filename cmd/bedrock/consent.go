package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/disk"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// Kinds of consents.
const (
	consentJoin   = "join"
	consentRotate = "rotate"
)

const maxConsentBytes = 64 << 10

// consent is a new identity's signed word that an owner may join it, or that it
// takes another instance's place: public, and handed to who sends the transaction.
type consent struct {
	Kind         string    `json:"kind"` // join or rotate
	Genesis      ledger.ID `json:"genesis_hash"`
	Identity     ledger.ID `json:"network_key"`
	ConsensusKey string    `json:"consensus_key"`      // hex
	Possession   string    `json:"possession"`         // hex; empty for ed25519
	Owner        ledger.ID `json:"owner_key,omitzero"` // of a join: public key of who sends it
	Validator    ledger.ID `json:"validator,omitzero"` // of a rotation, and what follows
	Expected     ledger.ID `json:"expected,omitzero"`  // identity that is superseded
	ValidUntil   uint64    `json:"valid_until,omitempty"`
	Signature    string    `json:"signature"` // hex
}

// keys are the fields that are bytes.
func (t *consent) keys() (consensus, possession []byte, signature [64]byte, err error) {
	if consensus, err = hex.DecodeString(t.ConsensusKey); err != nil {
		return nil, nil, signature, fmt.Errorf("consensus_key of the consent: %w", err)
	}
	if possession, err = hex.DecodeString(t.Possession); err != nil {
		return nil, nil, signature, fmt.Errorf("possession of the consent: %w", err)
	}
	sig, err := hex.DecodeString(t.Signature)
	if err != nil || len(sig) != len(signature) {
		return nil, nil, signature, errors.New("signature of the consent is not 128 hex digits")
	}
	return consensus, possession, [64]byte(sig), nil
}

func parseConsent(raw []byte, kind string) (*consent, error) {
	t := new(consent)
	if err := json.Unmarshal(raw, t); err != nil {
		return nil, fmt.Errorf("it is no consent: make one with `bedrock identity consent %s`: %w", kind, err)
	}
	if t.Kind != kind {
		return nil, fmt.Errorf("it holds a consent of kind %q, not %q: make one with `bedrock identity consent %s`", t.Kind, kind, kind)
	}
	return t, nil
}

// instance is a new node that can be asked for its consent: a home, whose node
// runs or not, or an admin service.
type instance struct{ home, admin string }

func (f *instance) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.home, "home", "", "home of the new node; if the node runs, its admin service is asked")
	cmd.Flags().StringVar(&f.admin, "admin", "", "admin service of the new node, http://127.0.0.1:7602, in place of --home")
}

// config is the home's; nil without one.
func (f *instance) config() (*config.Config, error) {
	if f.home == "" {
		return nil, nil
	}
	cfg, _, err := config.Load(f.home, os.Environ())
	return &cfg, err
}

// sign gets a consent signed. What it is for stands in t; the instance fills in
// the rest.
func (f *instance) sign(ctx context.Context, t *consent) error {
	if (f.home == "") == (f.admin == "") {
		return errors.New("say where the new identity is: --home H, or --admin URL of its running node")
	}
	if f.admin != "" {
		return signByAdmin(ctx, f.admin, t)
	}
	cfg, err := f.config()
	if err != nil {
		return err
	}
	g, err := genesis.Load(cfg.Genesis.File)
	if err != nil {
		return err
	}
	t.Genesis = ledger.ID(g.Hash())
	opt := signer.Options{Marks: cfg.Signer.Marks, AllowUnsafeFileSystem: cfg.Dirs.FileSystems == "allow-unsafe"}
	record, signature, err := signer.ConsentAtRest(cfg.Dirs.Signer, opt, func(r signer.Record) ([]byte, error) {
		consensus, _, _, err := r.Keys()
		return t.statement(consensus), err
	})
	if errors.Is(err, disk.ErrLocked) {
		if cfg.Admin.Listen == "" {
			return fmt.Errorf("%w, or set admin.listen in %s: its admin service can sign", err, f.home)
		}
		if asked := signByAdmin(ctx, "http://"+cfg.Admin.Listen, t); asked != nil {
			return fmt.Errorf("the node of %s holds its signer volume and must sign by its admin service, which did not (try again once it is up): %w", f.home, asked)
		}
		return nil
	}
	if err != nil {
		return err
	}
	identity, err := ledger.ParseID(record.NetworkKey)
	t.Identity, t.ConsensusKey, t.Possession, t.Signature = identity, record.ConsensusKey, record.Possession, hex.EncodeToString(signature)
	return err
}

// statement is what the identity signs.
func (t *consent) statement(consensusKey []byte) []byte {
	if t.Kind == consentJoin {
		return ledger.JoinStatement(t.Genesis, t.Owner, consensusKey)
	}
	terms := ledger.RotateTerms{Genesis: t.Genesis, Validator: t.Validator, Expected: t.Expected, ConsensusKey: consensusKey, ValidUntil: t.ValidUntil}
	return terms.Statement()
}

func adminClient(url string) (nodev1connect.AdminServiceClient, error) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return nil, fmt.Errorf("--admin %q: write http://HOST:PORT", url)
	}
	return nodev1connect.NewAdminServiceClient(http.DefaultClient, url), nil
}

func signByAdmin(ctx context.Context, url string, t *consent) error {
	c, err := adminClient(url)
	if err != nil {
		return err
	}
	req := &nodev1.SignConsentRequest{To: &nodev1.SignConsentRequest_Join{Join: &nodev1.JoinConsent{OwnerKey: t.Owner[:]}}}
	if t.Kind == consentRotate {
		req.To = &nodev1.SignConsentRequest_Rotate{Rotate: &nodev1.RotateConsent{Validator: t.Validator[:], ExpectedIdentity: t.Expected[:], ValidUntil: t.ValidUntil}}
	}
	res, err := c.SignConsent(ctx, connect.NewRequest(req))
	if err != nil {
		return unreachable(url, err)
	}
	m := res.Msg
	if len(m.GenesisHash) != 32 || len(m.NetworkKey) != 32 {
		return fmt.Errorf("%s: the answer names no chain or no identity", url)
	}
	t.Genesis, t.Identity = ledger.ID(m.GenesisHash), ledger.ID(m.NetworkKey)
	t.ConsensusKey, t.Possession, t.Signature = hex.EncodeToString(m.ConsensusKey), hex.EncodeToString(m.Possession), hex.EncodeToString(m.Signature)
	return nil
}

// join is the operation that a consent allows, checked as the ledger will.
func (t *consent) join(moniker string, chain, owner [32]byte) (ledger.Join, error) {
	consensus, possession, signature, err := t.keys()
	op := ledger.Join{Identity: t.Identity, ConsensusKey: consensus, Possession: possession, Moniker: moniker, Consent: signature}
	switch {
	case err != nil:
		return op, err
	case t.Genesis != ledger.ID(chain):
		return op, fmt.Errorf("the new node consents for the chain with genesis hash %s, this one has %s", t.Genesis, ledger.ID(chain))
	case t.Owner != ledger.ID(owner):
		return op, fmt.Errorf("the new node consents to the owner with the key %s, and this key is %s: sign with that key, or get another consent", t.Owner, ledger.ID(owner))
	}
	return op, op.CheckConsent(chain, owner)
}

// rotate is the operation that a consent allows, checked as the ledger will.
func (t *consent) rotate(chain [32]byte, m *member) (ledger.Rotate, error) {
	consensus, possession, signature, err := t.keys()
	op := ledger.Rotate{Validator: t.Validator, Expected: t.Expected, Identity: t.Identity, ConsensusKey: consensus, Possession: possession, Consent: signature}
	switch {
	case err != nil:
		return op, err
	case t.Genesis != ledger.ID(chain):
		return op, fmt.Errorf("the new node consents for the chain with genesis hash %s, this one has %s", t.Genesis, ledger.ID(chain))
	case t.Validator != m.Name:
		return op, fmt.Errorf("the new node consents to take the place of validator %s, not of %s", t.Validator, m)
	case t.Expected != m.Identity:
		return op, fmt.Errorf("the new node consents to follow identity %s, and %s has %s now: it was rotated since; get another consent", t.Expected, m, m.Identity)
	}
	if !ed25519.Verify(op.Identity[:], t.statement(consensus), signature[:]) {
		return op, errors.New("the consent's signature does not verify: the file was changed")
	}
	return op, nil
}
