package chaos_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
)

// poisonModule is a state machine in WAT that accepts every transaction of 1 to
// 55 bytes, each in a nonce lane of its own. Executing one gives a receipt, a
// block with any a new state root; one whose first letter is L loops for ever, T
// traps, M grows memory until it is refused and reads beyond, S calls itself
// without end.
//
// Memory: tables from 512, SHA-256's from 1024, answers from 65536, requests from
// 131072. A message's fields are walked with $p; answers are written at $out.
const poisonModule = `(module
  (import "bedrock" "state_read" (func (param i32 i32 i32 i32) (result i32)))
  (import "bedrock" "state_write" (func (param i32 i32)))
  (import "bedrock" "emit_event" (func (param i32 i32)))
  (import "bedrock" "consume_gas" (func (param i32 i32) (result i32)))
  (import "bedrock" "block_metadata" (func (param i32 i32) (result i32)))
  (memory (export "memory") 16 16384)
  (data (i32.const 512) "K_TABLE")
  (data (i32.const 768) "H_TABLE")
  (data (i32.const 4096) "\0a\20genesis state of a poison chain!")
  (global $p (mut i32) (i32.const 0))
  (global $out (mut i32) (i32.const 65536))

  (func (export "alloc") (param i32) (result i32) (i32.const 131072))
  (func (export "abi_version") (result i32) (i32.const 1))
  (func (export "genesis") (param i32 i32) (result i64) (i64.const 0x100000000022))
  (func (export "query") (param i32 i32) (result i64) (i64.const 0x100000000000))

  (func $varint (result i32) (local $v i32) (local $shift i32) (local $b i32)
    (loop $more
      (local.set $b (i32.load8_u (global.get $p)))
      (global.set $p (i32.add (global.get $p) (i32.const 1)))
      (local.set $v (i32.or (local.get $v) (i32.shl (i32.and (local.get $b) (i32.const 127)) (local.get $shift))))
      (local.set $shift (i32.add (local.get $shift) (i32.const 7)))
      (br_if $more (i32.ge_u (local.get $b) (i32.const 128))))
    (local.get $v))
  ;; Moves $p to the body of the next field with this tag, and answers its length;
  ;; -1 at the end.
  (func $find (param $tag i32) (param $end i32) (result i32) (local $t i32) (local $n i32)
    (loop $next
      (if (i32.ge_u (global.get $p) (local.get $end)) (then (return (i32.const -1))))
      (local.set $t (call $varint))
      (local.set $n (call $varint))
      (if (i32.eq (local.get $t) (local.get $tag)) (then (return (local.get $n))))
      (if (i32.eq (i32.and (local.get $t) (i32.const 7)) (i32.const 2))
        (then (global.set $p (i32.add (global.get $p) (local.get $n)))))
      (br $next))
    (unreachable))
  (func $byte (param $b i32)
    (i32.store8 (global.get $out) (local.get $b))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))
  (func $bytes (param $from i32) (param $n i32)
    (memory.copy (global.get $out) (local.get $from) (local.get $n))
    (global.set $out (i32.add (global.get $out) (local.get $n))))
  (func $answer (result i64)
    (i64.or (i64.shl (i64.const 65536) (i64.const 32)) (i64.extend_i32_u (i32.sub (global.get $out) (i32.const 65536)))))

  (func (export "verify") (param $at i32) (param $n i32) (result i64) (local $end i32) (local $len i32)
    (global.set $p (local.get $at))
    (local.set $end (i32.add (local.get $at) (local.get $n)))
    (loop $next
      (local.set $len (call $find (i32.const 0x12) (local.get $end)))
      (if (i32.eq (local.get $len) (i32.const -1)) (then (return (call $answer))))
      (call $byte (i32.const 0x0a))
      (if (i32.or (i32.eqz (local.get $len)) (i32.gt_u (local.get $len) (i32.const 55)))
        (then (call $byte (i32.const 2)) (call $byte (i32.const 0x08)) (call $byte (i32.const 1)))
        (else
          (call $byte (i32.add (local.get $len) (i32.const 4)))
          (call $byte (i32.const 0x10)) (call $byte (i32.const 1))
          (call $byte (i32.const 0x1a)) (call $byte (local.get $len))
          (call $bytes (global.get $p) (local.get $len))))
      (global.set $p (i32.add (global.get $p) (local.get $len)))
      (br $next))
    (unreachable))

  (func (export "check") (param $at i32) (param $n i32) (result i64) (local $end i32) (local $item i32) (local $next i32) (local $len i32)
    (global.set $p (local.get $at))
    (local.set $end (i32.add (local.get $at) (local.get $n)))
    (loop $more
      (local.set $item (call $find (i32.const 0x1a) (local.get $end)))
      (if (i32.eq (local.get $item) (i32.const -1)) (then (return (call $answer))))
      (local.set $next (i32.add (global.get $p) (local.get $item)))
      (local.set $len (call $find (i32.const 0x0a) (local.get $next)))
      (call $byte (i32.const 0x0a)) (call $byte (i32.add (local.get $len) (i32.const 24)))
      (call $byte (i32.const 0x12)) (call $byte (local.get $len)) (call $bytes (global.get $p) (local.get $len))
      (call $byte (i32.const 0x28)) (call $byte (i32.const 1))
      (call $byte (i32.const 0x30)) (call $byte (i32.const 1))
      (call $byte (i32.const 0x3a)) (call $byte (i32.const 16))
      (global.set $out (i32.add (global.get $out) (i32.const 16)))
      (global.set $p (local.get $next))
      (br $more))
    (unreachable))

  (func (export "execute") (param $at i32) (param $n i32) (result i64) (local $end i32) (local $len i32) (local $root i32) (local $count i32)
    (global.set $p (local.get $at))
    (local.set $end (i32.add (local.get $at) (local.get $n)))
    (drop (call $find (i32.const 0x0a) (local.get $end))) ;; StateRef
    (drop (call $find (i32.const 0x0a) (local.get $end))) ;; its root
    (local.set $root (global.get $p))
    (global.set $p (local.get $at))
    (global.set $out (i32.add (global.get $out) (i32.const 34)))
    (block $done (loop $next
      (local.set $len (call $find (i32.const 0x1a) (local.get $end)))
      (br_if $done (i32.eq (local.get $len) (i32.const -1)))
      (call $poison (i32.load8_u (global.get $p)))
      (call $byte (i32.const 0x12)) (call $byte (i32.const 34))
      (call $byte (i32.const 0x0a)) (call $byte (i32.const 32))
      (call $sha256 (global.get $p) (local.get $len) (global.get $out))
      (global.set $out (i32.add (global.get $out) (i32.const 32)))
      (global.set $p (i32.add (global.get $p) (local.get $len)))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br $next)))
    (i32.store8 (i32.const 65536) (i32.const 0x0a))
    (i32.store8 (i32.const 65537) (i32.const 32))
    (if (local.get $count)
      (then (call $sha256 (local.get $root) (i32.const 32) (i32.const 65538)))
      (else (memory.copy (i32.const 65538) (local.get $root) (i32.const 32))))
    (call $answer))

  (func $poison (param $letter i32)
    (if (i32.eq (local.get $letter) (i32.const 76)) (then (loop $for_ever (br $for_ever))))
    (if (i32.eq (local.get $letter) (i32.const 84)) (then (unreachable)))
    (if (i32.eq (local.get $letter) (i32.const 77)) (then
      (block $full (loop $grow
        (br_if $full (i32.eq (memory.grow (i32.const 1024)) (i32.const -1)))
        (br $grow)))
      (drop (i32.load (i32.const -8)))))
    (if (i32.eq (local.get $letter) (i32.const 83)) (then (drop (call $deeper (i32.const 1))))))
  (func $deeper (param $n i32) (result i32)
    (i32.add (call $deeper (i32.add (local.get $n) (i32.const 1))) (local.get $n)))

  (func $swap (param $v i32) (result i32)
    (i32.or (i32.and (i32.rotl (local.get $v) (i32.const 8)) (i32.const 0x00ff00ff))
            (i32.and (i32.rotl (local.get $v) (i32.const 24)) (i32.const 0xff00ff00))))
  (func $sigma (param $v i32) (param $a i32) (param $b i32) (param $c i32) (result i32)
    (i32.xor (i32.xor (i32.rotr (local.get $v) (local.get $a)) (i32.rotr (local.get $v) (local.get $b))) (local.get $c)))
  ;; SHA-256 of at most 55 bytes: one block, its words at 1024.
  (func $sha256 (param $from i32) (param $n i32) (param $to i32)
    (local $i i32) (local $w i32) (local $t1 i32) (local $t2 i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (memory.fill (i32.const 1024) (i32.const 0) (i32.const 64))
    (memory.copy (i32.const 1024) (local.get $from) (local.get $n))
    (i32.store8 (i32.add (i32.const 1024) (local.get $n)) (i32.const 0x80))
    (i32.store8 (i32.const 1086) (i32.shr_u (local.get $n) (i32.const 5)))
    (i32.store8 (i32.const 1087) (i32.shl (local.get $n) (i32.const 3)))
    (loop $order
      (local.set $w (i32.add (i32.const 1024) (i32.shl (local.get $i) (i32.const 2))))
      (i32.store (local.get $w) (call $swap (i32.load (local.get $w))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $order (i32.lt_u (local.get $i) (i32.const 16))))
    (loop $schedule
      (local.set $w (i32.add (i32.const 1024) (i32.shl (local.get $i) (i32.const 2))))
      (local.set $t1 (i32.load (i32.sub (local.get $w) (i32.const 60))))
      (local.set $t2 (i32.load (i32.sub (local.get $w) (i32.const 8))))
      (i32.store (local.get $w) (i32.add
        (i32.add (i32.load (i32.sub (local.get $w) (i32.const 64)))
                 (call $sigma (local.get $t1) (i32.const 7) (i32.const 18) (i32.shr_u (local.get $t1) (i32.const 3))))
        (i32.add (i32.load (i32.sub (local.get $w) (i32.const 28)))
                 (call $sigma (local.get $t2) (i32.const 17) (i32.const 19) (i32.shr_u (local.get $t2) (i32.const 10))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $schedule (i32.lt_u (local.get $i) (i32.const 64))))
    (local.set $a (i32.load (i32.const 768))) (local.set $b (i32.load (i32.const 772)))
    (local.set $c (i32.load (i32.const 776))) (local.set $d (i32.load (i32.const 780)))
    (local.set $e (i32.load (i32.const 784))) (local.set $f (i32.load (i32.const 788)))
    (local.set $g (i32.load (i32.const 792))) (local.set $h (i32.load (i32.const 796)))
    (local.set $i (i32.const 0))
    (loop $round
      (local.set $w (i32.shl (local.get $i) (i32.const 2)))
      (local.set $t1 (i32.add (i32.add (local.get $h)
          (call $sigma (local.get $e) (i32.const 6) (i32.const 11) (i32.rotr (local.get $e) (i32.const 25))))
        (i32.add (i32.xor (i32.and (local.get $e) (local.get $f)) (i32.and (i32.xor (local.get $e) (i32.const -1)) (local.get $g)))
          (i32.add (i32.load (i32.add (i32.const 512) (local.get $w))) (i32.load (i32.add (i32.const 1024) (local.get $w)))))))
      (local.set $t2 (i32.add
        (call $sigma (local.get $a) (i32.const 2) (i32.const 13) (i32.rotr (local.get $a) (i32.const 22)))
        (i32.xor (i32.xor (i32.and (local.get $a) (local.get $b)) (i32.and (local.get $a) (local.get $c))) (i32.and (local.get $b) (local.get $c)))))
      (local.set $h (local.get $g)) (local.set $g (local.get $f)) (local.set $f (local.get $e))
      (local.set $e (i32.add (local.get $d) (local.get $t1)))
      (local.set $d (local.get $c)) (local.set $c (local.get $b)) (local.set $b (local.get $a))
      (local.set $a (i32.add (local.get $t1) (local.get $t2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $round (i32.lt_u (local.get $i) (i32.const 64))))
    (i32.store offset=0 (local.get $to) (call $swap (i32.add (local.get $a) (i32.load (i32.const 768)))))
    (i32.store offset=4 (local.get $to) (call $swap (i32.add (local.get $b) (i32.load (i32.const 772)))))
    (i32.store offset=8 (local.get $to) (call $swap (i32.add (local.get $c) (i32.load (i32.const 776)))))
    (i32.store offset=12 (local.get $to) (call $swap (i32.add (local.get $d) (i32.load (i32.const 780)))))
    (i32.store offset=16 (local.get $to) (call $swap (i32.add (local.get $e) (i32.load (i32.const 784)))))
    (i32.store offset=20 (local.get $to) (call $swap (i32.add (local.get $f) (i32.load (i32.const 788)))))
    (i32.store offset=24 (local.get $to) (call $swap (i32.add (local.get $g) (i32.load (i32.const 792)))))
    (i32.store offset=28 (local.get $to) (call $swap (i32.add (local.get $h) (i32.load (i32.const 796)))))))`

// fractions are the first 32 bits of the fractional parts of roots of the first
// primes, little-endian, as a WAT string.
func fractions(count int, root func(float64) float64) string {
	var text strings.Builder
	for n := 2; count > 0; n++ {
		prime := true
		for d := 2; d*d <= n; d++ {
			prime = prime && n%d != 0
		}
		if !prime {
			continue
		}
		_, part := math.Modf(root(float64(n)))
		for _, b := range binary.LittleEndian.AppendUint32(nil, uint32(part*(1<<32))) {
			fmt.Fprintf(&text, "\\%02x", b)
		}
		count--
	}
	return text.String()
}

// writePoisonModule compiles the module into a file.
func writePoisonModule(t *testing.T) string {
	t.Helper()
	text := strings.NewReplacer("K_TABLE", fractions(64, math.Cbrt), "H_TABLE", fractions(8, math.Sqrt)).Replace(poisonModule)
	wasm, err := wasmtime.Wat2Wasm(text)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "poison.wasm")
	if err := os.WriteFile(path, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
