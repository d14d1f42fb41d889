----------------------------- MODULE MCVoteLog -----------------------------
(* Powers and trees for checking VoteLog. *)
EXTENDS VoteLog, TLC

CONSTANTS a, b, c, z, x1, y1, x2

Equal == a :> 1 @@ b :> 1 @@ c :> 1 @@ z :> 1
Third == a :> 2 @@ b :> 1 @@ c :> 1 @@ z :> 2
Line2 == x1 :> Root @@ x2 :> x1            \* two heights
Fork  == x1 :> Root @@ y1 :> Root          \* two blocks of one height
Tree  == x1 :> Root @@ y1 :> Root @@ x2 :> x1
Names == Permutations({a, b, c})
=============================================================================
