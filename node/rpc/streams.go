package rpc

import (
	"context"
	"errors"
	"math"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/codec"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// open takes one of the streams that there may be.
func (s *Server) open() (release func(), err error) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, connect.NewError(connect.CodeResourceExhausted, errors.New("too many streams are open at this node: close one, or ask another"))
	}
	s.metrics.streams.Inc()
	return func() {
		s.metrics.streams.Dec()
		<-s.streams
	}, nil
}

// follow calls f for each final height from the one given, in order, until ctx
// ends. It keeps nothing for a slow reader but its place.
func (s *Server) follow(ctx context.Context, from uint64, f func(*final) error) error {
	next := from
	if next == 0 {
		next = s.backend.FinalHeight() + 1
	}
	if next == math.MaxUint64 {
		return invalid("height %d is out of reach", next)
	}
	for {
		tip, err := s.backend.WaitFinal(ctx, next-1)
		if err != nil {
			return answer("follow the chain", err)
		}
		for ; next <= tip; next++ {
			v, err := s.feed.at(ctx, next)
			if err != nil {
				return answer("follow the chain", err)
			}
			if err := f(v); err != nil {
				return err
			}
		}
	}
}

// StreamBlocks implements the service.
func (s *Server) StreamBlocks(ctx context.Context, req *connect.Request[nodev1.StreamBlocksRequest], stream *connect.ServerStream[nodev1.StreamBlocksResponse]) error {
	release, err := s.open()
	if err != nil {
		return err
	}
	defer release()
	if err := stream.Send(nil); err != nil { // headers now: the client knows that it is heard
		return err
	}
	return s.follow(ctx, req.Msg.FromHeight, func(f *final) error {
		id := f.block.Header.ID()
		m := &nodev1.StreamBlocksResponse{
			BlockId:          id[:],
			Header:           codec.HeaderTo(&f.block.Header),
			Outcome:          codec.OutcomeTo(&f.outcome),
			TransactionCount: uint32(len(f.block.Payload)),
			PayloadBytes:     uint64(f.block.PayloadBytes()),
		}
		if f.certificate != nil {
			m.Certificate = codec.CommitTo(f.certificate)
		}
		if req.Msg.Transactions {
			m.Transactions = f.block.Payload
		}
		if req.Msg.TransactionHashes {
			for _, h := range f.txHashes() {
				m.TransactionHashes = append(m.TransactionHashes, h[:]...)
			}
		}
		if req.Msg.Receipts {
			for i := range f.receipts {
				m.Receipts = append(m.Receipts, codec.ReceiptTo(&f.receipts[i]))
			}
		}
		return stream.Send(m)
	})
}

// StreamEvents implements the service.
func (s *Server) StreamEvents(ctx context.Context, req *connect.Request[nodev1.StreamEventsRequest], stream *connect.ServerStream[nodev1.StreamEventsResponse]) error {
	release, err := s.open()
	if err != nil {
		return err
	}
	defer release()
	if err := stream.Send(nil); err != nil {
		return err
	}
	from := req.Msg.GetFrom()
	return s.follow(ctx, from.GetHeight(), func(f *final) error {
		height, skip := f.outcome.Height, uint32(0)
		if height == from.GetHeight() {
			skip = from.GetEventIndex()
		}
		return sendEvents(f, height, skip, req.Msg.Type, stream.Send)
	})
}

// sendEvents sends those of one height from an index on; a height without any
// gives one answer that moves the cursor.
func sendEvents(f *final, height uint64, skip uint32, kind string, send func(*nodev1.StreamEventsResponse) error) error {
	index := uint32(0)
	sent := false
	for i := range f.receipts {
		r := &f.receipts[i]
		for j := range r.Events {
			at := index
			index++
			if at < skip || kind != "" && r.Events[j].Type != kind {
				continue
			}
			sent = true
			if err := send(&nodev1.StreamEventsResponse{
				At:          &nodev1.Cursor{Height: height, EventIndex: at},
				Next:        &nodev1.Cursor{Height: height, EventIndex: at + 1},
				Transaction: uint32(i),
				TxHash:      r.TxHash[:],
				Event:       codec.EventTo(&r.Events[j]),
			}); err != nil {
				return err
			}
		}
	}
	if sent {
		return nil
	}
	return send(&nodev1.StreamEventsResponse{Next: &nodev1.Cursor{Height: height + 1}})
}
