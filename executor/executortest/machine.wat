;; A state machine for tests: it keeps no state, and misbehaves on request.
;; Memory: 1024 round constants, 1280 initial hash, 2048 message schedule,
;; 2304 hash, 2368 last blocks, 4096 constant answers, 65536 what alloc gives.
(module
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 65536))
  (global $traps i32 (i32.const TRAPS)) ;; execute traps whatever it is given
  (global $until i32 (i32.const UNTIL)) ;; below that height there is a migration
  (data (i32.const 1024) "\98\2f\8a\42\91\44\37\71\cf\fb\c0\b5\a5\db\b5\e9\5b\c2\56\39\f1\11\f1\59\a4\82\3f\92\d5\5e\1c\ab\98\aa\07\d8\01\5b\83\12\be\85\31\24\c3\7d\0c\55\74\5d\be\72\fe\b1\de\80\a7\06\dc\9b\74\f1\9b\c1\c1\69\9b\e4\86\47\be\ef\c6\9d\c1\0f\cc\a1\0c\24\6f\2c\e9\2d\aa\84\74\4a\dc\a9\b0\5c\da\88\f9\76\52\51\3e\98\6d\c6\31\a8\c8\27\03\b0\c7\7f\59\bf\f3\0b\e0\c6\47\91\a7\d5\51\63\ca\06\67\29\29\14\85\0a\b7\27\38\21\1b\2e\fc\6d\2c\4d\13\0d\38\53\54\73\0a\65\bb\0a\6a\76\2e\c9\c2\81\85\2c\72\92\a1\e8\bf\a2\4b\66\1a\a8\70\8b\4b\c2\a3\51\6c\c7\19\e8\92\d1\24\06\99\d6\85\35\0e\f4\70\a0\6a\10\16\c1\a4\19\08\6c\37\1e\4c\77\48\27\b5\bc\b0\34\b3\0c\1c\39\4a\aa\d8\4e\4f\ca\9c\5b\f3\6f\2e\68\ee\82\8f\74\6f\63\a5\78\14\78\c8\84\08\02\c7\8c\fa\ff\be\90\eb\6c\50\a4\f7\a3\f9\be\f2\78\71\c6")
  (data (i32.const 1280) "\67\e6\09\6a\85\ae\67\bb\72\f3\6e\3c\3a\f5\4f\a5\7f\52\0e\51\8c\68\05\9b\ab\d9\83\1f\19\cd\e0\5b")
  (data (i32.const 4096) "\0a\20") ;; GenesisResponse: a root of zeros
  (data (i32.const 4160) "\08VERSION") ;; QueryResponse: its code

  (func $alloc (export "alloc") (param $len i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $top))
    (global.set $top (i32.add (local.get $at) (i32.and (i32.add (local.get $len) (i32.const 15)) (i32.const -16))))
    (block $enough
      (br_if $enough (i32.le_u (global.get $top) (i32.shl (memory.size) (i32.const 16))))
      (br_if $enough (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1)
        (i32.shr_u (i32.sub (global.get $top) (i32.shl (memory.size) (i32.const 16))) (i32.const 16))))))
      (unreachable))
    (local.get $at))

  (func (export "abi_version") (result i32) (i32.const 1))
  (func (export "genesis") (param i32 i32) (result i64) (i64.const 17592186044450))
  (func (export "query") (param i32 i32) (result i64) (i64.const 17867063951362))

  ;; SHA-256 of $len bytes at $in, to $out.
  (func $sha256 (param $in i32) (param $len i32) (param $out i32)
    (local $left i32) (local $i i32)
    (memory.copy (i32.const 2304) (i32.const 1280) (i32.const 32))
    (local.set $left (local.get $len))
    (block $whole (loop $next
      (br_if $whole (i32.lt_u (local.get $left) (i32.const 64)))
      (call $compress (local.get $in))
      (local.set $in (i32.add (local.get $in) (i32.const 64)))
      (local.set $left (i32.sub (local.get $left) (i32.const 64)))
      (br $next)))
    (memory.fill (i32.const 2368) (i32.const 0) (i32.const 128))
    (memory.copy (i32.const 2368) (local.get $in) (local.get $left))
    (i32.store8 (i32.add (i32.const 2368) (local.get $left)) (i32.const 0x80))
    (local.set $i (select (i32.const 64) (i32.const 0) (i32.ge_u (local.get $left) (i32.const 56))))
    (i32.store (i32.add (i32.const 2428) (local.get $i)) (call $swap (i32.shl (local.get $len) (i32.const 3))))
    (call $compress (i32.const 2368))
    (if (local.get $i) (then (call $compress (i32.const 2432))))
    (local.set $i (i32.const 0))
    (loop $word
      (i32.store (i32.add (local.get $out) (local.get $i)) (call $swap (i32.load offset=2304 (local.get $i))))
      (br_if $word (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 32)))))

  (func $swap (param i32) (result i32)
    (i32.or (i32.and (i32.rotl (local.get 0) (i32.const 8)) (i32.const 0x00ff00ff))
            (i32.and (i32.rotr (local.get 0) (i32.const 8)) (i32.const 0xff00ff00))))

  (func $compress (param $in i32)
    (local $i i32) (local $x i32) (local $y i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (loop $load
      (i32.store offset=2048 (local.get $i) (call $swap (i32.load (i32.add (local.get $in) (local.get $i)))))
      (br_if $load (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 64))))
    (loop $expand
      (local.set $x (i32.load offset=1988 (local.get $i)))
      (local.set $y (i32.load offset=2040 (local.get $i)))
      (i32.store offset=2048 (local.get $i) (i32.add
        (i32.add (i32.load offset=1984 (local.get $i)) (i32.load offset=2020 (local.get $i)))
        (i32.add
          (i32.xor (i32.xor (i32.rotr (local.get $x) (i32.const 7)) (i32.rotr (local.get $x) (i32.const 18))) (i32.shr_u (local.get $x) (i32.const 3)))
          (i32.xor (i32.xor (i32.rotr (local.get $y) (i32.const 17)) (i32.rotr (local.get $y) (i32.const 19))) (i32.shr_u (local.get $y) (i32.const 10))))))
      (br_if $expand (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 256))))
    (local.set $a (i32.load (i32.const 2304)))
    (local.set $b (i32.load (i32.const 2308)))
    (local.set $c (i32.load (i32.const 2312)))
    (local.set $d (i32.load (i32.const 2316)))
    (local.set $e (i32.load (i32.const 2320)))
    (local.set $f (i32.load (i32.const 2324)))
    (local.set $g (i32.load (i32.const 2328)))
    (local.set $h (i32.load (i32.const 2332)))
    (local.set $i (i32.const 0))
    (loop $round
      (local.set $x (i32.add (i32.add (local.get $h) (i32.add (i32.load offset=1024 (local.get $i)) (i32.load offset=2048 (local.get $i))))
        (i32.add
          (i32.xor (i32.xor (i32.rotr (local.get $e) (i32.const 6)) (i32.rotr (local.get $e) (i32.const 11))) (i32.rotr (local.get $e) (i32.const 25)))
          (i32.xor (i32.and (local.get $e) (local.get $f)) (i32.and (i32.xor (local.get $e) (i32.const -1)) (local.get $g))))))
      (local.set $y (i32.add
        (i32.xor (i32.xor (i32.rotr (local.get $a) (i32.const 2)) (i32.rotr (local.get $a) (i32.const 13))) (i32.rotr (local.get $a) (i32.const 22)))
        (i32.xor (i32.xor (i32.and (local.get $a) (local.get $b)) (i32.and (local.get $a) (local.get $c))) (i32.and (local.get $b) (local.get $c)))))
      (local.set $h (local.get $g)) (local.set $g (local.get $f)) (local.set $f (local.get $e))
      (local.set $e (i32.add (local.get $d) (local.get $x)))
      (local.set $d (local.get $c)) (local.set $c (local.get $b)) (local.set $b (local.get $a))
      (local.set $a (i32.add (local.get $x) (local.get $y)))
      (br_if $round (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 256))))
    (i32.store (i32.const 2304) (i32.add (i32.load (i32.const 2304)) (local.get $a)))
    (i32.store (i32.const 2308) (i32.add (i32.load (i32.const 2308)) (local.get $b)))
    (i32.store (i32.const 2312) (i32.add (i32.load (i32.const 2312)) (local.get $c)))
    (i32.store (i32.const 2316) (i32.add (i32.load (i32.const 2316)) (local.get $d)))
    (i32.store (i32.const 2320) (i32.add (i32.load (i32.const 2320)) (local.get $e)))
    (i32.store (i32.const 2324) (i32.add (i32.load (i32.const 2324)) (local.get $f)))
    (i32.store (i32.const 2328) (i32.add (i32.load (i32.const 2328)) (local.get $g)))
    (i32.store (i32.const 2332) (i32.add (i32.load (i32.const 2332)) (local.get $h))))

  ;; A varint at $p: its value, and where it ends.
  (func $varint (param $p i32) (result i32 i32)
    (local $value i32) (local $shift i32) (local $byte i32)
    (loop $next
      (local.set $byte (i32.load8_u (local.get $p)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (local.set $value (i32.or (local.get $value) (i32.shl (i32.and (local.get $byte) (i32.const 0x7f)) (local.get $shift))))
      (local.set $shift (i32.add (local.get $shift) (i32.const 7)))
      (br_if $next (i32.and (local.get $byte) (i32.const 0x80))))
    (local.get $value) (local.get $p))

  (func $packed (param $at i32) (param $end i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (i32.sub (local.get $end) (local.get $at)))))

  ;; The varint of $value at $p; where it ends.
  (func $put (param $p i32) (param $value i32) (result i32)
    (block $done (loop $more
      (br_if $done (i32.lt_u (local.get $value) (i32.const 128)))
      (i32.store8 (local.get $p) (i32.or (i32.and (local.get $value) (i32.const 0x7f)) (i32.const 0x80)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (local.set $value (i32.shr_u (local.get $value) (i32.const 7)))
      (br $more)))
    (i32.store8 (local.get $p) (local.get $value))
    (i32.add (local.get $p) (i32.const 1)))

  ;; Whether a block of the Context at $p is below the migration's end: genesis hash,
  ;; epoch, height.
  (func $migrates (param $p i32) (result i32)
    (local $size i32)
    (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 0x0a)) (then
      (call $varint (i32.add (local.get $p) (i32.const 1))) (local.set $p) (local.set $size)
      (local.set $p (i32.add (local.get $p) (local.get $size)))))
    (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 0x10)) (then
      (call $varint (i32.add (local.get $p) (i32.const 1))) (local.set $p) (local.set $size)))
    (call $varint (i32.add (local.get $p) (i32.const 1))) (local.set $p) (local.set $size)
    (i32.lt_u (local.get $size) (global.get $until)))

  ;; The first byte of a transaction, 0 if it is empty.
  (func $op (param $at i32) (param $len i32) (result i32)
    (if (result i32) (local.get $len) (then (i32.load8_u (local.get $at))) (else (i32.const 0))))

  (func (export "verify") (param $p i32) (param $len i32) (result i64)
    (local $end i32) (local $tag i32) (local $size i32) (local $out i32) (local $at i32) (local $code i32)
    (local.set $end (i32.add (local.get $p) (local.get $len)))
    (local.set $at (call $alloc (i32.mul (local.get $len) (i32.const 21))))
    (local.set $out (local.get $at))
    (block $done (loop $field
      (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
      (local.set $tag (i32.load8_u (local.get $p)))
      (call $varint (i32.add (local.get $p) (i32.const 1))) (local.set $p) (local.set $size)
      (if (i32.eq (local.get $tag) (i32.const 0x12)) (then
        (if (i32.eq (call $op (local.get $p) (local.get $size)) (i32.const 80)) (then (unreachable)))
        (local.set $code (i32.eq (call $op (local.get $p) (local.get $size)) (i32.const 86)))
        ;; VerifyVerdict: code, gas limit 1000, sender = SHA-256
        (i32.store16 (local.get $out) (i32.or (i32.const 0x0a) (i32.shl (i32.add (i32.const 37) (i32.shl (local.get $code) (i32.const 1))) (i32.const 8))))
        (local.set $out (i32.add (local.get $out) (i32.const 2)))
        (if (local.get $code) (then
          (i32.store16 (local.get $out) (i32.const 0x0108))
          (local.set $out (i32.add (local.get $out) (i32.const 2)))))
        (i32.store (local.get $out) (i32.const 0x1a07e810))
        (i32.store8 offset=4 (local.get $out) (i32.const 32))
        (call $sha256 (local.get $p) (local.get $size) (i32.add (local.get $out) (i32.const 5)))
        (local.set $out (i32.add (local.get $out) (i32.const 37)))))
      (local.set $p (i32.add (local.get $p) (local.get $size)))
      (br $field)))
    (call $packed (local.get $at) (local.get $out)))

  (func (export "check") (param $p i32) (param $len i32) (result i64)
    (local $end i32) (local $tag i32) (local $size i32) (local $out i32) (local $at i32) (local $tx i32) (local $txlen i32) (local $later i32)
    (local.set $end (i32.add (local.get $p) (local.get $len)))
    (local.set $at (call $alloc (i32.mul (local.get $len) (i32.const 30))))
    (local.set $out (local.get $at))
    (block $done (loop $field
      (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
      (local.set $tag (i32.load8_u (local.get $p)))
      (call $varint (i32.add (local.get $p) (i32.const 1))) (local.set $p) (local.set $size)
      (if (i32.eq (local.get $tag) (i32.const 0x12)) (then (local.set $later (call $migrates (local.get $p)))))
      (if (i32.and (local.get $later) (i32.eq (local.get $tag) (i32.const 0x1a))) (then
        (i32.store (local.get $out) (i32.const 0x0508020a)) ;; CheckVerdict: code 5
        (local.set $out (i32.add (local.get $out) (i32.const 4)))))
      (if (i32.and (i32.eqz (local.get $later)) (i32.eq (local.get $tag) (i32.const 0x1a))) (then
        (local.set $tx (local.get $p)) (local.set $txlen (i32.const 0))
        (if (i32.and (i32.ne (local.get $size) (i32.const 0)) (i32.eq (i32.load8_u (local.get $p)) (i32.const 0x0a))) (then
          (call $varint (i32.add (local.get $p) (i32.const 1))) (local.set $tx) (local.set $txlen)))
        ;; CheckVerdict: sender = SHA-256, gas limit 1000, price 1, cost of 16 zeros
        (i32.store (local.get $out) (i32.const 0x2012390a))
        (call $sha256 (local.get $tx) (local.get $txlen) (i32.add (local.get $out) (i32.const 4)))
        (i64.store offset=36 (local.get $out) (i64.const 0x103a013007e828))
        (memory.fill (i32.add (local.get $out) (i32.const 43)) (i32.const 0) (i32.const 16))
        (local.set $out (i32.add (local.get $out) (i32.const 59)))))
      (local.set $p (i32.add (local.get $p) (local.get $size)))
      (br $field)))
    (call $packed (local.get $at) (local.get $out)))

  (func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))

  (func $misbehave (param $op i32)
    (if (i32.eq (local.get $op) (i32.const 84)) (then (unreachable)))
    (if (i32.eq (local.get $op) (i32.const 76)) (then (loop $forever (br $forever))))
    (if (i32.eq (local.get $op) (i32.const 83)) (then (drop (call $deep (i32.const 0)))))
    (if (i32.eq (local.get $op) (i32.const 77)) (then
      (loop $more (br_if $more (i32.ne (memory.grow (i32.const 256)) (i32.const -1))))
      (unreachable))))

  (func (export "execute") (param $p i32) (param $len i32) (result i64)
    (local $end i32) (local $tag i32) (local $size i32) (local $out i32) (local $at i32)
    (local $later i32) (local $epoch i32) (local $epochlen i32)
    (if (global.get $traps) (then (unreachable)))
    (local.set $end (i32.add (local.get $p) (local.get $len)))
    (local.set $at (call $alloc (i32.add (i32.mul (local.get $len) (i32.const 20)) (i32.const 64))))
    (local.set $out (i32.add (local.get $at) (i32.const 34)))
    (block $done (loop $field
      (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
      (local.set $tag (i32.load8_u (local.get $p)))
      (call $varint (i32.add (local.get $p) (i32.const 1))) (local.set $p) (local.set $size)
      ;; StateRef starts with the root, which is handed back
      (if (i32.eq (local.get $tag) (i32.const 0x0a)) (then (memory.copy (local.get $at) (local.get $p) (i32.const 34))))
      (if (i32.eq (local.get $tag) (i32.const 0x12)) (then (local.set $later (call $migrates (local.get $p)))))
      (if (i32.eq (local.get $tag) (i32.const 0x1a)) (then
        (if (i32.and (i32.eqz (local.get $later)) (i32.eq (call $op (local.get $p) (local.get $size)) (i32.const 69))) (then
          (local.set $epoch (i32.add (local.get $p) (i32.const 1)))
          (local.set $epochlen (i32.sub (local.get $size) (i32.const 1)))))
        (call $misbehave (call $op (local.get $p) (local.get $size)))
        ;; Receipt: hash, code 5 during a migration, gas used 1
        (i32.store (local.get $out) (select (i32.const 0x200a2612) (i32.const 0x200a2412) (local.get $later)))
        (call $sha256 (local.get $p) (local.get $size) (i32.add (local.get $out) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 36)))
        (if (local.get $later) (then
          (i32.store16 (local.get $out) (i32.const 0x0510))
          (local.set $out (i32.add (local.get $out) (i32.const 2)))))
        (i32.store16 (local.get $out) (i32.const 0x0118))
        (local.set $out (i32.add (local.get $out) (i32.const 2)))))
      (local.set $p (i32.add (local.get $p) (local.get $size)))
      (br $field)))
    (if (local.get $later) (then ;; more_work
      (i32.store16 (local.get $out) (i32.const 0x0120))
      (local.set $out (i32.add (local.get $out) (i32.const 2)))))
    (if (local.get $epochlen) (then ;; epoch_change
      (i32.store8 (local.get $out) (i32.const 0x2a))
      (local.set $out (call $put (i32.add (local.get $out) (i32.const 1)) (local.get $epochlen)))
      (memory.copy (local.get $out) (local.get $epoch) (local.get $epochlen))
      (local.set $out (i32.add (local.get $out) (local.get $epochlen)))))
    (if (local.get $later) (then ;; evidence_waits
      (i32.store16 (local.get $out) (i32.const 0x0130))
      (local.set $out (i32.add (local.get $out) (i32.const 2)))))
    (call $packed (local.get $at) (local.get $out))))
