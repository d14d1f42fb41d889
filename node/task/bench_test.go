package task

import (
	"context"
	"testing"
)

// The loop of an engine: a full inbox, a context that goes on, a token that is rare.
func BenchmarkSelect(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	inbox, notify := make(chan item, 1), make(chan struct{}, 1)
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			inbox <- item{a: 1}
			select {
			case <-ctx.Done():
				return
			case it := <-inbox:
				if it.a != 1 {
					b.Fatal("another item")
				}
			case <-notify:
			}
		}
	})
	b.Run("port", func(b *testing.B) {
		b.ReportAllocs()
		var r Runtime
		var it item
		for b.Loop() {
			inbox <- item{a: 1}
			switch Select3(r, Done(ctx), Recv(inbox, &it), Recv(notify, nil)) {
			case 0:
				return
			case 1:
				if it.a != 1 {
					b.Fatal("another item")
				}
			}
		}
	})
}

// The same with another goroutine at the other end, as it is in a node.
func BenchmarkHandOver(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	inbox, notify := make(chan item, 1024), make(chan struct{}, 1)
	go func() {
		for {
			select {
			case inbox <- item{a: 1}:
			case <-ctx.Done():
				return
			}
		}
	}()
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			select {
			case <-ctx.Done():
				return
			case <-inbox:
			case <-notify:
			}
		}
	})
	b.Run("port", func(b *testing.B) {
		var r Runtime
		var it item
		for b.Loop() {
			if Select3(r, Done(ctx), Recv(inbox, &it), Recv(notify, nil)) == 0 {
				return
			}
		}
	})
}
