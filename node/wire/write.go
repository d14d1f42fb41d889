package wire

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bedrock-bft/bedrock/node/types"
)

func putUint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func putBytes(b []byte, num protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return putEntry(b, num, v)
}

// putEntry writes one entry of a repeated field, also an empty one.
func putEntry(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func putHash(b []byte, num protowire.Number, h types.Hash) []byte {
	if h.IsZero() {
		return b
	}
	return putEntry(b, num, h[:])
}

// putMessage writes what f appends as a nested message.
func putMessage(b []byte, num protowire.Number, f func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	start := len(b)
	b = f(b)
	size := len(b) - start
	prefix := protowire.AppendVarint(nil, uint64(size))
	b = append(b, prefix...)
	copy(b[start+len(prefix):], b[start:start+size])
	copy(b[start:], prefix)
	return b
}
