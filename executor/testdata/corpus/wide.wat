(local $i i32) (local $l i64) (local $h i64)
(local.set $l (i64.const 0x123456789ABCDEF1)) (local.set $h (i64.const 3))
(loop $again
  (i64.mul_wide_u (local.get $l) (local.get $h)) (local.set $h) (local.set $l)
  (i64.add128 (local.get $l) (local.get $h) (i64.const -5) (i64.const 9)) (local.set $h) (local.set $l)
  (i64.sub128 (local.get $l) (local.get $h) (i64.const 77) (i64.const 1)) (local.set $h) (local.set $l)
  (i64.mul_wide_s (local.get $h) (local.get $l)) (local.set $l) (local.set $h)
  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 500))))
(i64.store (i32.const 65536) (i64.xor (local.get $l) (local.get $h)))
ANSWER
