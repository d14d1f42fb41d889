// Command sbom lists what an image contains, in SPDX 2.3 JSON, from the image itself: the
// Go modules that each program says it was built of, and the Debian packages whose records
// lie beside them.
//
// The same image gives the same list, byte for byte. It must not read anything but the
// archive, so that a list can be made, and checked, wherever the image is. Guarded by
// main_test.go.
package main
