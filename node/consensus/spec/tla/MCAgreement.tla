---------------------------- MODULE MCAgreement ----------------------------
(* Powers for checking Agreement: the sets of up to three epochs. *)
EXTENDS Agreement, TLC

CONSTANTS a, b, c, z

Sets(e1, e2, e3) ==
  LET set(p) == a :> p[1] @@ b :> p[2] @@ c :> p[3] @@ z :> p[4]
  IN [e \in 1 .. Epochs |-> set(<<e1, e2, e3>>[e])]

Equal     == Sets(<<1, 1, 1, 1>>, <<1, 1, 1, 1>>, <<1, 1, 1, 1>>)
Third     == Sets(<<2, 1, 1, 2>>, <<1, 1, 2, 2>>, <<0, 2, 1, 1>>) \* faulty: a third exactly
Less      == Sets(<<3, 2, 2, 3>>, <<5, 1, 1, 3>>, <<1, 1, 1, 1>>)
AllChange == Sets(<<3, 0, 0, 1>>, <<0, 1, 2, 1>>, <<2, 1, 0, 1>>) \* nobody honest stays
Names == Permutations({a, b, c})
=============================================================================
