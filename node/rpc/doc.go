// Package rpc serves a node's public interface, its administration and its probes,
// each on a listener of its own.
//
//	rpc.NewServer(backend, options)   Connect, gRPC, gRPC-Web, HTTP+JSON, explorer
//	rpc.NewAdmin(admin, options)      administration and pprof; loopback only
//	rpc.NewOps(probes)                /healthz, /readyz, /metrics
//	rpc.Listen(key, address)          a listener whose errors name the setting
//	rpc.Serve(ctx, listener, handler) until ctx ends
//
// It is written over Backend and AdminBackend (backend.go, admin.go), which
// package node implements.
//
// Invariants
//
//   - Every request is bounded: its body, its time, how many a client makes, how
//     many queries run and wait, how many streams are open, how much an answer
//     lists.
//   - A subscriber costs no memory by being slow: a stream reads heights from the
//     store, and one that takes no bytes for a while is dropped.
//   - What is answered as final comes with what proves it, or can be asked for it.
//   - Nothing is served twice under two forms: one codec (client/codec).
//
// It must not decide what is final, admit transactions or touch state. Guarded by
// the tests beside the code, over a backend of real blocks and certificates.
package rpc
