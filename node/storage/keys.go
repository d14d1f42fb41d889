package storage

import (
	"encoding/binary"
	"fmt"

	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
)

// family is one column family.
type family int

// The families, in the order of familyNames.
const (
	famDefault family = iota // RocksDB wants it; empty
	famBlocks
	famCertificates
	famOutcomes
	famIndex
	famReceipts
	famState
	famTree
	famStale
	famChanges
	famEvidence
	famMeta
	familyCount
)

var familyNames = [familyCount]string{
	"default", "blocks", "certificates", "outcomes", "index", "receipts",
	"state", "tree", "stale", "changes", "evidence", "meta",
}

// Keys of the meta family.
const (
	metaSchema      = "schema"
	metaDatabaseID  = "database-id"
	metaGenesis     = "genesis"
	metaTip         = "tip"
	metaFilling     = "filling"
	metaFloorBlocks = "floor-blocks"
	metaFloorState  = "floor-state"
	// Followed by a genesis hash: the document; by a height: the outcome that a chain
	// stopped at.
	metaDocument = "document/"
	metaStopped  = "stopped/"
)

// Prefixes inside families with two kinds of keys.
const (
	certByHeight = 'h'
	certByEpoch  = 'e'
	indexBlock   = 'b'
	indexTx      = 't'
)

const (
	addressBytes  = 32
	stateKeyBytes = addressBytes + 8
)

// Keys are big-endian, so that they sort by number.
func heightKey(height uint64) []byte { return binary.BigEndian.AppendUint64(nil, height) }

func prefixedHeight(prefix byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, n)
}

func indexKey(prefix byte, id types.Hash) []byte { return append([]byte{prefix}, id[:]...) }

// appendStateKey is where the row of an address written at a height stands: the
// newest height first.
func appendStateKey(dst []byte, address *state.Address, height uint64) []byte {
	dst = append(dst, address[:]...)
	return binary.BigEndian.AppendUint64(dst, ^height)
}

func stateKeyHeight(key []byte) uint64 { return ^binary.BigEndian.Uint64(key[addressBytes:]) }

func appendTreeKey(dst []byte, id *state.PageID) []byte {
	return id.Path.Append(binary.BigEndian.AppendUint64(dst, id.Version))
}

func u64Value(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func readU64(what string, b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("%w: %s has %d bytes, want 8", ErrDamaged, what, len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}
