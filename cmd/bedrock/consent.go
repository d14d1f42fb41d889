package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/consent"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/disk"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

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
func (f *instance) sign(ctx context.Context, t *consent.Consent) error {
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
		return t.Statement(consensus), err
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

func adminClient(url string) (nodev1connect.AdminServiceClient, error) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return nil, fmt.Errorf("--admin %q: write http://HOST:PORT", url)
	}
	return nodev1connect.NewAdminServiceClient(http.DefaultClient, url), nil
}

func signByAdmin(ctx context.Context, url string, t *consent.Consent) error {
	c, err := adminClient(url)
	if err != nil {
		return err
	}
	req := &nodev1.SignConsentRequest{To: &nodev1.SignConsentRequest_Join{Join: &nodev1.JoinConsent{OwnerKey: t.Owner[:]}}}
	if t.Kind == consent.KindRotate {
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
