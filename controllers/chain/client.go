package chain

import (
	"context"
	"errors"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Errors that callers branch on.
var (
	// ErrUnreachable says that the node did not answer. It says nothing of the chain.
	ErrUnreachable = errors.New("the node does not answer")
	// ErrNotFound says that the state proves that there is no such thing, or, of a
	// transaction, that the node knows none.
	ErrNotFound = errors.New("not found")
	// ErrNoLedger says that the chain's executor keeps no such thing: it is not the
	// ledger that ships with Bedrock.
	ErrNoLedger = errors.New("the chain's executor is not the ledger")
	// ErrWrongChain says that the node is of another chain.
	ErrWrongChain = errors.New("the node is of another chain")
)

// Endpoint is a node's public service: http://HOST:PORT, or https.
type Endpoint string

// Client reaches the nodes of one network. It is safe for concurrent use.
type Client interface {
	// Status is what the node says of itself; ErrWrongChain if it is not of this
	// chain.
	Status(ctx context.Context, at Endpoint) (*Status, error)
	// Set is the present epoch's set, all validators outside of it that have not
	// left, and what this node has seen of each.
	Set(ctx context.Context, at Endpoint) (*Set, error)
	// Validator is one by its name, also one that has left (of Seen it has nothing,
	// and its Index is -1). ErrNotFound if there never was one.
	Validator(ctx context.Context, at Endpoint, name ledger.ID) (*Member, error)
	// Holder is the validator that has or had a network identity or consensus key.
	// ErrNotFound if it is nobody's. // rule: identity-once
	Holder(ctx context.Context, at Endpoint, key []byte) (ledger.ID, error)
	// Authority is the m-of-n set of keys that may add and weigh.
	Authority(ctx context.Context, at Endpoint) (ledger.Authority, error)
	// Account is an account's next nonce and its balance; zero for one that is not
	// there.
	Account(ctx context.Context, at Endpoint, who ledger.Address) (ledger.Account, error)
	// Parameters are the ledger's, by name (ledger.ParameterNames).
	Parameters(ctx context.Context, at Endpoint) (map[string]uint64, error)
	// Submit offers a transaction to the node's pool. The verdict may be a refusal;
	// an error says that it is not known what became of it: send it again.
	Submit(ctx context.Context, at Endpoint, tx []byte) (*Verdict, error)
	// Transaction is what became of a transaction.
	Transaction(ctx context.Context, at Endpoint, hash types.Hash) (*Execution, error)
}

// Verdict is a pool's answer to a transaction.
type Verdict struct {
	Hash types.Hash
	// Admitted: it waits in the pool, or was executed lately.
	Admitted bool
	// Duplicate: it was known before.
	Duplicate bool
	// Reason is a word of the pool where it was refused, such as pool_full or
	// check_failed; Code the ledger's (ledger.CodeName), if the ledger refused it.
	Reason string
	Code   uint32
	Text   string // what is wrong and what to do
}

// Execution is what became of a transaction.
type Execution struct {
	// Final: a block executed it; what follows is proven.
	Final bool
	// Pending: it waits in the pool of the node that was asked.
	Pending bool
	Height  uint64
	// Code is the receipt's: 0 is success (ledger.CodeName).
	Code uint32
	Log  string // in no hash
}
