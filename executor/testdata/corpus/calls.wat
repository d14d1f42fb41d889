(local $i i32)
(loop $again
  (drop (call_indirect (type $unary) (local.get $i) (i32.and (local.get $i) (i32.const 1))))
  (drop (call $pair (local.get $i)))
  (drop)
  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))
(drop (call $depth (i32.const 200)))
ANSWER
