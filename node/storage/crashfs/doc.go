// Package crashfs is a file system under RocksDB that loses power on demand. It is
// imported by tests only: Go's test files cannot use cgo, so it is a package of its
// own.
//
// It passes everything to the operating system's files and keeps account of what
// a power failure would leave: of a file what was synced, and of the rest any part,
// cut or with sectors missing; of creations, renames and deletions those before the
// folder's last sync, and some of the later ones in order. From the operation that
// CrashAfter names on no write takes effect, in silence, until Restart: as for a
// process that does not live to see it. (Errors instead would run into assertions
// that Debian's RocksDB is built with.) FailSync gives one error that is seen.
//
// The MANIFEST is only cut, never torn: RocksDB refuses one with a hole in its
// unsynced tail, and relies on file systems that make a file longer only after its
// data is written (ext4 with ordered data, xfs).
//
// Built on RocksDB's public headers (librocksdb-dev). Exercised by
// node/storage/crash_test.go.
package crashfs
