// Package simdisk is a disk that loses power on demand: an in-memory disk.FS for
// tests and for the simulator.
//
// What it models: a page cache above a device that writes 512-byte sectors whole
// or not at all; unsynced sectors that survive a power cut in any combination; a
// folder's entries that survive up to some point of their order; a failed sync
// after which the cache shows what the device never got; damage to single bits,
// sectors that cannot be read, and files that vanish; a device that loses, misplaces
// or changes what it was given and says that all is well (Wear); one that is full.
//
// Everything random comes from one seeded source, so that a run repeats. It must
// not start goroutines or read a clock.
package simdisk
