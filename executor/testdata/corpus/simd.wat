(local $i i32) (local $v v128)
(local.set $v (v128.const i32x4 1 2 3 4))
(loop $again
  (local.set $v (i32x4.add (i32x4.shl (local.get $v) (i32.const 5)) (v128.xor (local.get $v) (i32x4.splat (local.get $i)))))
  (local.set $v (i8x16.shuffle 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12 (local.get $v) (local.get $v)))
  (v128.store (i32.const 65536) (local.get $v))
  (local.set $v (i64x2.mul (local.get $v) (v128.load (i32.const 65536))))
  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 500))))
ANSWER
