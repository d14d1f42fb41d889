(local $i i32) (local $x i64)
(local.set $x (i64.const 0x9E3779B97F4A7C15))
(loop $again
  (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
  (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
  (local.set $x (i64.add (i64.rem_u (local.get $x) (i64.const 1000003)) (i64.div_s (local.get $x) (i64.const -7))))
  (local.set $x (i64.rotl (i64.extend8_s (local.get $x)) (i64.clz (local.get $x))))
  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
(i64.store (i32.const 65536) (local.get $x))
ANSWER
