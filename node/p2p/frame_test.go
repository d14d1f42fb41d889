package p2p

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestFramesRoundTrip(t *testing.T) {
	for _, size := range []int{1, 5, pieceBytes - 5, pieceBytes - 4, pieceBytes - 3, pieceBytes, 2*pieceBytes - 4, 5*pieceBytes + 17} {
		msg := bytes.Repeat([]byte{0xab}, size)
		msg[size-1] = 1
		var stream []byte
		for offset := 0; offset < size; {
			stream, offset = appendPiece(stream, msg, offset)
		}
		stream = append(stream, stream...)
		r := &frameReader{r: bytes.NewReader(stream), channel: ChannelBlocks, max: size}
		for range 2 {
			if got, err := r.next(); err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
			}
		}
		if _, err := r.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes: at the end: %v", size, err)
		}
		kept := false
		r = &frameReader{r: bytes.NewReader(stream), channel: ChannelBlocks, max: size, keep: func() bool { kept = !kept; return !kept }}
		if got, err := r.next(); err != nil || got != nil {
			t.Errorf("%d bytes: a refused message gave %d bytes, %v", size, len(got), err)
		}
		if got, err := r.next(); err != nil || !bytes.Equal(got, msg) {
			t.Errorf("%d bytes: after a refused one: %d bytes, %v", size, len(got), err)
		}
		r = &frameReader{r: bytes.NewReader(stream[:len(stream)/2-1]), channel: ChannelBlocks, max: size}
		if _, err := r.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: cut: %v", size, err)
		}
	}
}

// FuzzFrame feeds a reader of each channel with anything: it must end, hand out
// nothing above its bound, and hold no more than it read.
func FuzzFrame(f *testing.F) {
	f.Add(appendVoteFrame(nil, []byte("vote")), true)
	piece, _ := appendPiece(nil, bytes.Repeat([]byte{1}, 100), 0)
	f.Add(piece, false)
	f.Add([]byte{frameFirst, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff}, false)
	f.Fuzz(func(t *testing.T, data []byte, votes bool) {
		r := &frameReader{r: bytes.NewReader(data), channel: ChannelBlocks, max: 1 << 20}
		if votes {
			r.channel, r.max = ChannelVotes, MaxVoteBytes
		}
		for sum := 0; ; {
			msg, err := r.next()
			if err != nil {
				return
			}
			if sum += len(msg); sum > len(data) || len(msg) == 0 {
				t.Fatalf("%d bytes came out of %d", sum, len(data))
			}
		}
	})
}

// FuzzAnswer feeds the asker of a request with anything.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x00\x00ok"))
	f.Add([]byte("\x01\x02\x00\x00\x00no"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readAnswer(bytes.NewReader(data), PeerID{}, 1<<16)
		if err == nil && len(got) > len(data) {
			t.Fatalf("%d bytes came out of %d", len(got), len(data))
		}
	})
}

func TestInboxServesPeersInTurn(t *testing.T) {
	dropped := map[PeerID]int{}
	b := newInbox(3, 100, 150, 0, func(id PeerID, _ int) { dropped[id]++ })
	a, c := PeerID{1}, PeerID{2}
	for i := range byte(5) {
		b.put(Message{From: a, Data: []byte{i}})
	}
	b.put(Message{From: c, Data: []byte{9}})
	var order []byte
	for {
		m, ok := b.take()
		if !ok {
			break
		}
		order = append(order, m.Data[0])
	}
	if want := []byte{2, 9, 3, 4}; !bytes.Equal(order, want) {
		t.Errorf("served %v, want %v", order, want)
	}
	if dropped[a] != 2 || dropped[c] != 0 {
		t.Errorf("dropped %v", dropped)
	}
	// Bytes of one peer, then of all: the longest queue pays.
	b.put(Message{From: a, Data: make([]byte, 60)})
	b.put(Message{From: a, Data: make([]byte, 60)})
	b.put(Message{From: a, Data: make([]byte, 40)})
	b.put(Message{From: c, Data: make([]byte, 50)})
	b.put(Message{From: c, Data: make([]byte, 5)})
	if dropped[a] != 4 || dropped[c] != 0 || b.bytes != 95 {
		t.Errorf("dropped %v, %d bytes left", dropped, b.bytes)
	}
}

func TestOutboxDropsTheOldest(t *testing.T) {
	o := newOutbox(3, 10)
	for i := range byte(5) {
		o.put([]byte{i})
	}
	if lost := o.put(make([]byte, 9)); lost != 2 {
		t.Errorf("%d dropped, want 2", lost)
	}
	if got := o.take(9); len(got) != 1 || got[0][0] != 4 {
		t.Errorf("took %v", got)
	}
	if got := o.take(1); len(got) != 1 || len(got[0]) != 9 {
		t.Errorf("a message above the limit was not taken alone: %v", got)
	}
	if bytes, dropped := o.load(); bytes != 0 || dropped != 4 {
		t.Errorf("load %d, %d", bytes, dropped)
	}
}
