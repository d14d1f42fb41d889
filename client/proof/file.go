package proof

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// MaxBytes bounds a proof file.
const MaxBytes = 32 << 20

// magic begins a proof file; the SHA-256 of the rest follows, which finds damage,
// then the message.
const magic = "BEDPRF1\n"

// ErrForm is wrapped by errors of files that are no proof, or damaged.
var ErrForm = errors.New("not a proof file, or damaged")

// Encode writes a proof file's bytes.
func Encode(p *nodev1.Proof) ([]byte, error) {
	body, err := canonical(p)
	if err != nil {
		return nil, fmt.Errorf("encode proof: %w", err)
	}
	sum := sha256.Sum256(body)
	out := append([]byte(magic), sum[:]...)
	return append(out, body...), nil
}

// Decode reads a proof file. It refuses everything that Encode does not write.
func Decode(file []byte) (*nodev1.Proof, error) {
	if len(file) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrForm, len(file), MaxBytes)
	}
	rest, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok || len(rest) < sha256.Size {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrForm)
	}
	body := rest[sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return nil, fmt.Errorf("%w: its digest does not fit: bytes were changed", ErrForm)
	}
	p := &nodev1.Proof{}
	if err := proto.Unmarshal(body, p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	again, err := canonical(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if !bytes.Equal(again, body) {
		return nil, fmt.Errorf("%w: the message is not in its one form", ErrForm)
	}
	return p, nil
}

// canonical is the deterministic encoding: fields by number, none unknown (those
// would come back behind the known ones and are refused).
func canonical(p *nodev1.Proof) ([]byte, error) {
	if err := noUnknown(p.ProtoReflect()); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(p)
}
