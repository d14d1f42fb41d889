package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// standAlone are the layouts that are stored or sent by themselves: each reads
// bytes and writes again what it read.
var standAlone = []struct {
	name  string
	again func([]byte) ([]byte, error)
}{
	{"QC", reencode(DecodeQC, EncodeQC)},
	{"CC", reencode(DecodeCC, EncodeCC)},
	{"TC", reencode(DecodeTC, EncodeTC)},
	{"epoch start", reencode(DecodeEpochStart, EncodeEpochStart)},
	{"header", reencode(DecodeHeader, func(h types.Header) []byte { return EncodeHeader(&h) })},
	{"outcome", reencode(DecodeOutcome, func(o types.Outcome) []byte { return EncodeOutcome(&o) })},
	{"epoch", reencode(DecodeEpoch, func(e types.Epoch) []byte { return EncodeEpoch(&e) })},
	{"signed outcome", reencode(DecodeSignedOutcome, func(o types.SignedOutcome) []byte { return EncodeSignedOutcome(&o) })},
}

func reencode[T any](decode func([]byte) (T, error), encode func(T) []byte) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := decode(b)
		if err != nil {
			return nil, err
		}
		return encode(v), nil
	}
}

// FuzzStandAlone reads arbitrary bytes as every layout that stands alone: what is
// accepted is the one encoding of its value, and errors are ErrMalformed.
func FuzzStandAlone(f *testing.F) {
	block, epoch, cc := sampleBlock(), sampleEpoch(), sampleCC()
	root := &types.QC{Epoch: 2, Height: 4, Block: hashOf("e"), Commit: cc}
	for _, seed := range [][]byte{
		EncodeQC(sampleQC(5)), EncodeQC(root), EncodeCC(cc), EncodeTC(sampleTC()),
		EncodeEpochStart(&types.EpochStart{Epoch: epoch, Certificate: cc}), EncodeHeader(&block.Header),
		EncodeOutcome(&cc.Outcome), EncodeEpoch(&epoch), nil,
		EncodeSignedOutcome(&types.SignedOutcome{View: 1, Height: 2, Block: hashOf("b"), Outcome: hashOf("o")}),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range standAlone {
			again, err := kind.again(b)
			switch {
			case err != nil && !errors.Is(err, ErrMalformed):
				t.Fatalf("%s: error without ErrMalformed: %v", kind.name, err)
			case err == nil && !bytes.Equal(again, b):
				t.Fatalf("%s: two encodings of one value:\n%x\n%x", kind.name, b, again)
			}
		}
	})
}
