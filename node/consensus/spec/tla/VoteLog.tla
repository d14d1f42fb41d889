------------------------------ MODULE VoteLog ------------------------------
(* Who can serve a certified block after any crash: bodies in vote logs, commits that  *)
(* are synced later than they are told, forks, and the end of an epoch.                *)
(* rule: vote-durable, epoch-enter. Who may vote for what is Agreement's; here anybody *)
(* may vote for any block, and what is final is one chain.                             *)
EXTENDS Integers, FiniteSets

CONSTANTS
  Honest, Byz, \* validators
  Power,       \* [Honest \cup {Byz} -> Nat]
  Blocks,      \* all but the root
  Parent,      \* [Blocks -> Blocks \cup {Root}]
  Root, End,   \* End: the block that ends the epoch, or Root if none does
  Off          \* names of rules that are switched off; {} is the protocol

VARIABLES
  voted,  \* [validator]: blocks that it prepared; it is in the log, so it is durable
  log,    \* [validator]: bodies in its vote log, durable
  chain,  \* [validator]: final blocks that it executed and told; in memory
  synced, \* [validator]: of those, the ones whose batch is on the chain volume
  noted,  \* [validator]: of those, the ones that the vote log records as synced
  over,   \* validators that entered the next epoch
  final   \* final blocks

vars == <<voted, log, chain, synced, noted, over, final>>

On(rule) == rule \notin Off

RECURSIVE Sum(_)
Sum(S) == IF S = {} THEN 0 ELSE LET x == CHOOSE y \in S : TRUE IN Power[x] + Sum(S \ {x})
Total == Sum(Honest \cup {Byz})
Quorums == {S \in SUBSET Honest : 3 * (Sum(S) + Power[Byz]) > 2 * Total}
WeakQuorums == {S \in SUBSET Honest : 3 * Sum(S) > Total}

RECURSIVE Line(_)
Line(x) == IF x = Root THEN {} ELSE {x} \cup Line(Parent[x])
Conflict(x, y) == x \notin Line(y) /\ y \notin Line(x)
AboveEnd(x) == End # Root /\ x # End /\ End \in Line(x)

Certified(x) == {i \in Honest : x \in voted[i]} \in Quorums
\* Disks alone count: a crash of all of them changes nothing.
Servers(x) == {i \in Honest : x \in log[i] \cup synced[i]}

Init ==
  /\ voted = [i \in Honest |-> {}] /\ log = voted /\ chain = voted /\ synced = voted /\ noted = voted
  /\ over = {} /\ final = {}

\* The body and the vote in one synced write. rule: vote-durable
Vote(i, x) ==
  /\ i \notin over
  /\ x \notin voted[i]
  /\ Parent[x] = Root \/ Certified(Parent[x])
  /\ \A y \in chain[i] : ~Conflict(x, y)
  /\ x \notin chain[i]
  /\ voted' = [voted EXCEPT ![i] = @ \cup {x}]
  /\ log' = IF On("body-with-vote") THEN [log EXCEPT ![i] = @ \cup {x}] ELSE log
  /\ UNCHANGED <<chain, synced, noted, over, final>>

\* A commit certificate: on x, or on what descends from it.
Finalize(x) ==
  /\ x \notin final /\ Certified(x) /\ ~AboveEnd(x)
  /\ Line(Parent[x]) \subseteq final
  /\ \A y \in final : ~Conflict(x, y)
  /\ final' = final \cup {x}
  /\ UNCHANGED <<voted, log, chain, synced, noted, over>>

\* Executes and tells a final block; its body comes from whoever has it.
Apply(i, x) ==
  /\ x \in final /\ x \notin chain[i] /\ Line(Parent[x]) \subseteq chain[i]
  /\ chain' = [chain EXCEPT ![i] = @ \cup {x}]
  /\ UNCHANGED <<voted, log, synced, noted, over, final>>

Sync(i) ==
  /\ synced[i] # chain[i]
  /\ synced' = [synced EXCEPT ![i] = chain[i]]
  /\ UNCHANGED <<voted, log, chain, noted, over, final>>

Note(i) ==
  /\ noted[i] # IF On("note-after-sync") THEN synced[i] ELSE chain[i]
  /\ noted' = [noted EXCEPT ![i] = IF On("note-after-sync") THEN synced[i] ELSE chain[i]]
  /\ UNCHANGED <<voted, log, chain, synced, over, final>>

\* A body leaves the log. rule: vote-durable
MayDrop(i, x) ==
  \/ x \in noted[i]
  \/ \E y \in chain[i] : Conflict(x, y)
  \/ ~On("kept-until-noted") /\ x \in chain[i]
  \/ ~On("dropped-by-height") /\ \E y \in chain[i] : Cardinality(Line(y)) >= Cardinality(Line(x))
  \/ ~On("conflict-final") /\ \E y \in Blocks : Conflict(x, y) /\ Certified(y)
Drop(i, x) ==
  /\ x \in log[i] /\ MayDrop(i, x)
  /\ log' = [log EXCEPT ![i] = @ \ {x}]
  /\ UNCHANGED <<voted, chain, synced, noted, over, final>>

\* With the epoch over, the log forgets its bodies. rule: epoch-enter
Enter(i) ==
  /\ End # Root /\ i \notin over
  /\ End \in (IF On("enter-synced") THEN synced[i] ELSE chain[i])
  /\ over' = over \cup {i}
  /\ log' = [log EXCEPT ![i] = {}]
  /\ UNCHANGED <<voted, chain, synced, noted, final>>

Crash(i) ==
  /\ chain[i] # synced[i]
  /\ chain' = [chain EXCEPT ![i] = synced[i]]
  /\ UNCHANGED <<voted, log, synced, noted, over, final>>

Next ==
  \/ \E x \in Blocks : Finalize(x)
  \/ \E i \in Honest :
       \/ Sync(i) \/ Note(i) \/ Enter(i) \/ Crash(i)
       \/ \E x \in Blocks : Vote(i, x) \/ Apply(i, x) \/ Drop(i, x)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
\* A QC proves that a weak quorum of honest validators can serve the block, after any
\* crash, while it may still matter: nothing that conflicts with it is final, and it is not
\* above the epoch's end.
Served ==
  \A x \in Blocks :
    Certified(x) /\ ~AboveEnd(x) /\ (\A y \in final : ~Conflict(x, y)) => Servers(x) \in WeakQuorums

\* What the log records as synced is.
NotedIsSynced == \A i \in Honest : noted[i] \subseteq synced[i]
=============================================================================
