(local $i i32)
(drop (memory.grow (i32.const 16)))
(loop $again
  (memory.fill (i32.const 600000) (local.get $i) (i32.const 50000))
  (memory.copy (i32.const 700000) (i32.const 600001) (i32.const 40000))
  (i32.store16 offset=3 (i32.const 700000) (i32.load8_s (i32.add (i32.const 600000) (local.get $i))))
  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50))))
ANSWER
