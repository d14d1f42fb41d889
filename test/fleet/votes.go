package fleet

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
)

// Votes is how many prepare and commit votes are in the book.
func (c *Network) Votes() (prepares, commits int) { return c.votes.Counts() }

// Inspect looks at the vote log of a node that is down.
func (c *Network) Inspect(i int) (string, votelog.Inspection) {
	c.Helper()
	return c.inspect(filepath.Join(c.Net.Nodes[i].Home, "signer"))
}

func (c *Network) inspect(dir string) (string, votelog.Inspection) {
	c.Helper()
	record, err := signer.ReadRecord(dir)
	if err != nil {
		c.Fatal(err)
	}
	_, owner, _, err := record.Keys()
	if err != nil {
		c.Fatal(err)
	}
	in, err := votelog.Inspect(filepath.Join(dir, "votelog"), votelog.Options{Owner: owner, AllowUnsafeFileSystem: true})
	if err != nil {
		c.Fatal(err)
	}
	return record.NetworkKey, in
}

// KeepVotes adds the vote log of a node that is down to the book, and fails if
// it holds another vote than a log before it did.
func (c *Network) KeepVotes(i int) {
	c.Helper()
	c.KeepFolder(filepath.Join(c.Net.Nodes[i].Home, "signer"))
}

// KeepFolder is KeepVotes of a signer volume that nobody has open.
func (c *Network) KeepFolder(dir string) {
	c.Helper()
	if _, err := signer.ReadRecord(dir); errors.Is(err, signer.ErrNoIdentity) {
		return
	}
	identity, in := c.inspect(dir)
	for k := range in.Records {
		if err := c.votes.Add(identity, &in.Records[k].State); err != nil {
			c.Errorf("signed twice: %v", err)
		}
	}
	if in.State == nil {
		return
	}
	if err := c.votes.Rise(identity, in.State); err != nil {
		c.Error(err)
	}
}

func readAll(res *http.Response) (string, error) {
	b, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	return string(b), errors.Join(err, res.Body.Close())
}
