(local $i i32) (local $n i32)
(loop $again
  (block $c (block $b (block $a (br_table $a $b $c (i32.rem_u (local.get $i) (i32.const 4)))) (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $c)) (local.set $n (i32.mul (local.get $n) (i32.const 3))))
  (if (i32.popcnt (local.get $n)) (then (local.set $n (select (local.get $n) (local.get $i) (i32.const 1)))) (else (nop)))
  (local.set $n (i32.trunc_sat_f64_u (f64.sqrt (f64.convert_i32_u (local.get $n)))))
  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
ANSWER
