(local $i i32)
(loop $again
  (drop (call $state_read (i32.const 32768) (i32.const 37) (i32.const 65536) (i32.const 1000)))
  (drop (call $block_metadata (i32.const 70000) (i32.const 1000)))
  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))
ANSWER
