package p2p

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A long-lived stream is a sequence of frames: kind u8, length u32 little-endian,
// payload. A message on the blocks channel is a first piece, whose payload begins
// with the message's whole length as u32, and pieces until that is reached; pieces
// of two messages never mix.
const (
	frameVote  byte = 1
	frameFirst byte = 2
	frameNext  byte = 3

	frameHeader = 5
	// pieceBytes is the most that one frame of the blocks channel carries.
	pieceBytes = 64 << 10
)

var errFrame = errors.New("malformed frame")

// appendVoteFrame frames a message of the votes channel.
func appendVoteFrame(b, msg []byte) []byte {
	b = append(b, frameVote)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(msg)))
	return append(b, msg...)
}

// appendPiece appends the piece of msg that begins at offset and reports where the
// next begins: len(msg) at the end.
func appendPiece(b, msg []byte, offset int) ([]byte, int) {
	if offset == 0 {
		end := min(len(msg), pieceBytes-4)
		b = append(b, frameFirst)
		b = binary.LittleEndian.AppendUint32(b, uint32(end+4))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(msg)))
		return append(b, msg[:end]...), end
	}
	end := min(len(msg), offset+pieceBytes)
	b = append(b, frameNext)
	b = binary.LittleEndian.AppendUint32(b, uint32(end-offset))
	return append(b, msg[offset:end]...), end
}

// frameReader reads the messages of one long-lived stream.
type frameReader struct {
	r       io.Reader
	channel Channel
	max     int // of a message
	// keep is asked when a message of the blocks channel begins; where it says no,
	// the message is read and dropped without being stored.
	keep func() bool
}

// next reads one message. A message that keep refused is nil. An error wraps
// errFrame where the peer broke the format.
func (f *frameReader) next() ([]byte, error) {
	if f.channel == ChannelVotes {
		n, err := f.header(frameVote)
		if err != nil {
			return nil, err
		}
		if n == 0 || n > f.max {
			return nil, fmt.Errorf("%w: vote message of %d bytes, want 1 to %d", errFrame, n, f.max)
		}
		msg := make([]byte, n)
		return msg, f.fill(msg)
	}
	return f.nextBlock()
}

func (f *frameReader) nextBlock() ([]byte, error) {
	n, err := f.header(frameFirst)
	if err != nil {
		return nil, err
	}
	if n < 5 || n > pieceBytes {
		return nil, fmt.Errorf("%w: first piece of %d bytes", errFrame, n)
	}
	var size [4]byte
	if err := f.fill(size[:]); err != nil {
		return nil, err
	}
	total, n := int64(binary.LittleEndian.Uint32(size[:])), n-4
	if total > int64(f.max) || total < int64(n) {
		return nil, fmt.Errorf("%w: block message of %d bytes with a first piece of %d, want at most %d", errFrame, total, n, f.max)
	}
	if f.keep != nil && !f.keep() {
		return nil, f.discard(int(total), n)
	}
	return f.assemble(int(total), n)
}

// assemble reads a message of total bytes whose first piece has n. Memory grows
// with what has arrived, not with what was announced.
func (f *frameReader) assemble(total, n int) ([]byte, error) {
	msg := make([]byte, 0, min(total, 4*pieceBytes))
	for {
		have := len(msg)
		if cap(msg) < have+n {
			grown := make([]byte, have, min(total, 2*(have+n)))
			copy(grown, msg)
			msg = grown
		}
		msg = msg[:have+n]
		if err := f.fill(msg[have:]); err != nil {
			return nil, err
		}
		if len(msg) == total {
			return msg, nil
		}
		var err error
		if n, err = f.piece(total - len(msg)); err != nil {
			return nil, err
		}
	}
}

func (f *frameReader) discard(total, n int) error {
	for left := total; ; {
		if _, err := io.CopyN(io.Discard, f.r, int64(n)); err != nil {
			return unexpectedEnd(err)
		}
		if left -= n; left == 0 {
			return nil
		}
		var err error
		if n, err = f.piece(left); err != nil {
			return err
		}
	}
}

// piece reads the header of a further piece, which must be as long as the format
// makes it: full, or what is left.
func (f *frameReader) piece(left int) (int, error) {
	n, err := f.header(frameNext)
	if err != nil {
		return 0, unexpectedEnd(err)
	}
	if n != min(left, pieceBytes) {
		return 0, fmt.Errorf("%w: piece of %d bytes, want %d", errFrame, n, min(left, pieceBytes))
	}
	return n, nil
}

func (f *frameReader) header(kind byte) (int, error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(f.r, h[:]); err != nil {
		return 0, err
	}
	if h[0] != kind {
		return 0, fmt.Errorf("%w: kind %d, want %d", errFrame, h[0], kind)
	}
	n := binary.LittleEndian.Uint32(h[1:])
	if n > MaxVoteBytes {
		return 0, fmt.Errorf("%w: length %d, want at most %d", errFrame, n, MaxVoteBytes)
	}
	return int(n), nil
}

func (f *frameReader) fill(b []byte) error {
	_, err := io.ReadFull(f.r, b)
	return unexpectedEnd(err)
}

func unexpectedEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
