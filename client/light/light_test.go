package light_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bedrock-bft/bedrock/client/light"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
)

func start(t *testing.T, chain *rpctest.Chain, n uint64) types.EpochStart {
	t.Helper()
	s, err := chain.EpochStart(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

func certificate(t *testing.T, chain *rpctest.Chain, height uint64) *types.CC {
	t.Helper()
	cc, err := chain.Certificate(context.Background(), height)
	if err != nil {
		t.Fatal(err)
	}
	return cc
}

func TestChainFollowsEpochs(t *testing.T) {
	chain := rpctest.New(rpctest.Options{})
	chain.Commit()
	chain.CommitAndEndEpoch()
	chain.Commit()
	chain.CommitAndEndEpoch()
	chain.Commit()
	l, err := light.New(chain.Document().Hash(), chain.Document().Epoch())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.VerifyCommit(certificate(t, chain, 1)); err != nil {
		t.Errorf("height 1: %v", err)
	}
	if err := l.VerifyCommit(certificate(t, chain, 3)); !errors.Is(err, light.ErrUnknownEpoch) {
		t.Errorf("height 3 before its epoch: %v, want ErrUnknownEpoch", err)
	}
	two, three := start(t, chain, 2), start(t, chain, 3)
	if err := l.Extend(three); err == nil {
		t.Error("epoch 3 was taken right after epoch 1")
	}
	if err := l.Extend(start(t, chain, 1), two, two, three); err != nil {
		t.Fatalf("Extend: %v", err)
	}
	if l.Newest() != 3 || len(l.Starts(3)) != 2 || len(l.Starts(2)) != 1 {
		t.Errorf("newest %d with %d starts", l.Newest(), len(l.Starts(3)))
	}
	for h := uint64(1); h <= 5; h++ {
		if err := l.VerifyCommit(certificate(t, chain, h)); err != nil {
			t.Errorf("height %d: %v", h, err)
		}
	}
	forged := two
	forged.Epoch.Engine++
	if err := l.Extend(forged); !errors.Is(err, types.ErrCertificate) {
		t.Errorf("another epoch 2 was passed over: %v", err)
	}
}

func TestCertificatesOfOthersAreRefused(t *testing.T) {
	chain := rpctest.New(rpctest.Options{})
	chain.Commit()
	chain.CommitAndEndEpoch()
	chain.Commit()
	l, err := light.New(chain.Document().Hash(), chain.Document().Epoch())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Extend(start(t, chain, 2)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*types.CC){
		"another epoch's votes":     func(c *types.CC) { c.Epoch = 1 },
		"another state root":        func(c *types.CC) { c.Outcome.StateRoot = types.SumHash(nil) },
		"another view":              func(c *types.CC) { c.View++ },
		"votes of too few":          func(c *types.CC) { c.Commits.Signers, c.Commits.Signature = []byte{1}, c.Commits.Signature[:64] },
		"votes of nobody":           func(c *types.CC) { c.Commits = types.Aggregate{} },
		"a height at or below root": func(c *types.CC) { c.Outcome.Height, c.Height = 2, 2 },
	} {
		cc := *certificate(t, chain, 3)
		change(&cc)
		if err := l.VerifyCommit(&cc); !errors.Is(err, types.ErrCertificate) {
			t.Errorf("%s: %v, want ErrCertificate", name, err)
		}
	}
}

func TestVerifyDown(t *testing.T) {
	chain := rpctest.New(rpctest.Options{})
	var outcomes []types.Outcome
	for range 4 {
		chain.Commit()
	}
	for h := uint64(3); h >= 1; h-- {
		o, err := chain.Outcome(context.Background(), h)
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, *o)
	}
	top := certificate(t, chain, 4).Outcome
	if got, err := light.VerifyDown(top, outcomes); err != nil || got.Height != 1 {
		t.Errorf("down to height %d: %v", got.Height, err)
	}
	if got, err := light.VerifyDown(top, nil); err != nil || got != top {
		t.Errorf("without outcomes: %v", err)
	}
	outcomes[1].FailedRun--
	if _, err := light.VerifyDown(top, outcomes); err == nil {
		t.Error("a changed outcome was followed")
	}
}
