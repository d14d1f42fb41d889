----------------------------- MODULE Agreement -----------------------------
(* What bears on agreement in the protocol of docs/protocol.md, over epochs: prepare    *)
(* votes under the three voting rules, locks, timeouts, commit votes on outcomes, the   *)
(* end of an epoch and the entry into the next, crashes that lose what was not written. *)
(* The network shows anything that was signed to anybody at any time, or never; so      *)
(* certificates are not messages: there is one when enough have signed. The Byzantine   *)
(* validator's signature is on whatever needs it. Leaders, timers, bodies and the       *)
(* present view are left out: they only restrict honest validators further.             *)
EXTENDS Integers, FiniteSets

CONSTANTS
  Honest,  \* validators that follow the rules
  Byz,     \* the one that does not
  Epochs,  \* how many
  Views,   \* of an epoch
  Power,   \* [1..Epochs -> [Honest \cup {Byz} -> Nat]]
  Off      \* names of rules that are switched off; {} is the protocol

VARIABLES
  parent,  \* [epoch][block]: its parent in its epoch, 0 is the root; None: not proposed
  ends,    \* [epoch][block]: executing it changes the epoch
  voted,   \* [validator][epoch]: blocks that it prepared
  reports, \* [validator][epoch][view]: the view of the lock in its timeout, or None
  commits, \* [validator][epoch][view]: the block of its commit vote, or 0
  safety,  \* [validator]: its SafetyState; the lock as it is in memory
  saved,   \* [validator]: the lock that is on record
  left     \* [epoch]: the block by which the epoch was left, or None

vars == <<parent, ends, voted, reports, commits, safety, saved, left>>

None == -1
\* In view v blocks 2v-1 and 2v can be proposed; block 0 is the end of the epoch before.
Blocks == 1 .. 2 * Views
ViewOf(b) == (b + 1) \div 2
On(rule) == rule \notin Off

RECURSIVE Sum(_, _)
Sum(f, S) == IF S = {} THEN 0 ELSE LET x == CHOOSE y \in S : TRUE IN f[x] + Sum(f, S \ {x})

Total == [e \in 1 .. Epochs |-> Sum(Power[e], Honest \cup {Byz})]
QuorumsOf(e) == {S \in SUBSET Honest :
  LET p == 3 * (Sum(Power[e], S) + Power[e][Byz])
  IN p > 2 * Total[e] \/ (~On("quorum") /\ p = 2 * Total[e])}
WeakOf(e) == {S \in SUBSET Honest : 3 * (Sum(Power[e], S) + Power[e][Byz]) > Total[e]}
Quorums == [e \in 1 .. Epochs |->
  IF ~On("own-set") /\ e > 1 THEN QuorumsOf(e) \cup QuorumsOf(e - 1) ELSE QuorumsOf(e)]
Weak == [e \in 1 .. Epochs |-> WeakOf(e)]
TCs == IF On("timeout-quorum") THEN Quorums ELSE Weak
Member(i, e) == Power[e][i] > 0 \/ (~On("own-set") /\ e > 1 /\ Power[e - 1][i] > 0)

-----------------------------------------------------------------------------
(* Certificates that can be made of what was signed. *)

Certified(e, b) == IF b = 0 THEN TRUE ELSE {i \in Honest : b \in voted[i][e]} \in Quorums[e]
Committed(e, b) == {i \in Honest : commits[i][e][ViewOf(b)] = b} \in Quorums[e]

\* What TCs of view v can report as their highest: at least what the lowest quorum does.
Low(e, v) ==
  LET fits(h) == {i \in Honest : reports[i][e][v] # None /\ reports[i][e][v] <= h} \in TCs[e]
      hs == {h \in 0 .. v - 1 : fits(h)}
  IN IF hs = {} THEN None ELSE CHOOSE h \in hs : \A k \in hs : h <= k

\* rule: vote-optimistic, vote-normal, vote-fallback
Justified(e, v, p) ==
  \/ ViewOf(p) = v - 1
  \/ ~On("vote-direct")
  \/ /\ v > 1
     /\ \E w \in (IF On("fallback-view") THEN {v - 1} ELSE 1 .. v - 1) :
          Low(e, w) # None /\ (ViewOf(p) >= Low(e, w) \/ ~On("vote-fallback"))

-----------------------------------------------------------------------------
(* The outcome of a block: the block that it is of, and whether that ended the epoch. A *)
(* descendant of the end has the end's. rule: epoch-end                                 *)

RECURSIVE EndAbove(_, _)
EndAbove(e, b) ==  \* the first block on the way to b that ended the epoch, or None
  IF b = 0 THEN None
  ELSE LET before == EndAbove(e, parent[e][b])
       IN IF before # None THEN before ELSE IF ends[e][b] THEN b ELSE None
Outcome(e, b) ==
  LET end == EndAbove(e, b)
  IN IF end = None \/ (~On("epoch-end") /\ end # b) THEN [block |-> b, ends |-> FALSE]
     ELSE [block |-> end, ends |-> TRUE]

-----------------------------------------------------------------------------
Fresh(e) == [epoch |-> e, voted |-> 0, left |-> 0, commit |-> 0, lock |-> 0]

Init ==
  /\ parent = [e \in 1 .. Epochs |-> [b \in Blocks |-> None]]
  /\ ends = [e \in 1 .. Epochs |-> [b \in Blocks |-> FALSE]]
  /\ voted = [i \in Honest |-> [e \in 1 .. Epochs |-> {}]]
  /\ reports = [i \in Honest |-> [e \in 1 .. Epochs |-> [v \in 1 .. Views |-> None]]]
  /\ commits = [i \in Honest |-> [e \in 1 .. Epochs |-> [v \in 1 .. Views |-> 0]]]
  /\ safety = [i \in Honest |-> Fresh(1)]
  /\ saved = [i \in Honest |-> 0]
  /\ left = [e \in 1 .. Epochs |-> None]

Higher(a, b) == IF ViewOf(a) > ViewOf(b) THEN a ELSE b

\* One write: whatever is signed leaves after it. rule: persist-first
Write(i, s) ==
  /\ safety' = [safety EXCEPT ![i] = s]
  /\ saved' = [saved EXCEPT ![i] = IF On("lock-durable") THEN s.lock ELSE 0]

\* A prepare vote for b on p in view v. The first vote for a block proposes it; of two
\* blocks alike the first comes first. rule: vote-once
Prepare(i, v, b, p, end) ==
  LET me == safety[i]
      e == me.epoch
  IN /\ Member(i, e)
     /\ me.voted < v \/ ~On("vote-once")
     /\ me.left < v
     /\ b \notin voted[i][e]
     /\ b % 2 = 0 => parent[e][b - 1] # None
     /\ parent[e][b] \in {None, p}
     /\ IF p = 0 THEN TRUE ELSE parent[e][p] # None
     /\ Certified(e, p)
     /\ Justified(e, v, p)
     /\ IF parent[e][b] # None THEN end = ends[e][b]
        ELSE end => EndAbove(e, p) = None \/ ~On("epoch-end")
     /\ parent' = [parent EXCEPT ![e][b] = p]
     /\ ends' = [ends EXCEPT ![e][b] = end]
     /\ voted' = [voted EXCEPT ![i][e] = @ \cup {b}]
     /\ Write(i, [me EXCEPT !.voted = v, !.lock = Higher(p, @)])
     /\ UNCHANGED <<reports, commits, left>>

\* rule: timeout
Timeout(i, v) ==
  LET me == safety[i]
      e == me.epoch
  IN /\ Member(i, e)
     /\ me.left < v
     /\ reports[i][e][v] = None
     /\ ViewOf(me.lock) < v
     /\ reports' = [reports EXCEPT ![i][e][v] = IF On("timeout-lock") THEN ViewOf(me.lock) ELSE 0]
     /\ Write(i, [me EXCEPT !.left = IF On("timeout-durable") THEN v ELSE 0])
     /\ UNCHANGED <<parent, ends, voted, commits, left>>

\* rule: commit-vote
Commit(i, b) ==
  LET me == safety[i]
      e == me.epoch
      v == ViewOf(b)
  IN /\ Member(i, e)
     /\ parent[e][b] # None
     /\ Certified(e, b)
     /\ me.left < v \/ ~On("commit-vote")
     /\ me.commit < v
     /\ commits' = [commits EXCEPT ![i][e][v] = b]
     /\ Write(i, [me EXCEPT !.commit = v, !.lock = IF On("commit-lock") THEN Higher(b, @) ELSE @])
     /\ UNCHANGED <<parent, ends, voted, reports, left>>

\* rule: lock
Learn(i, b) ==
  LET me == safety[i]
  IN /\ parent[me.epoch][b] # None
     /\ ViewOf(b) > ViewOf(me.lock)
     /\ Certified(me.epoch, b)
     /\ safety' = [safety EXCEPT ![i].lock = b]
     /\ UNCHANGED <<parent, ends, voted, reports, commits, saved, left>>

\* A crash: what was not written is forgotten.
Crash(i) ==
  /\ safety[i].lock # saved[i]
  /\ safety' = [safety EXCEPT ![i].lock = saved[i]]
  /\ UNCHANGED <<parent, ends, voted, reports, commits, saved, left>>

\* Into the next epoch, by an epoch certificate, in one write. rule: epoch-certificate,
\* epoch-enter, epoch-no-return
Enter(i, b) ==
  LET me == safety[i]
      e == me.epoch
      o == Outcome(e, b)
  IN /\ e < Epochs
     /\ parent[e][b] # None
     /\ Committed(e, b)
     /\ o.ends
     /\ left[e] \in {None, o.block}
     /\ left' = [left EXCEPT ![e] = o.block]
     /\ \/ Write(i, Fresh(e + 1))
        \/ ~On("epoch-enter") /\ Write(i, Fresh(e))
     /\ UNCHANGED <<parent, ends, voted, reports, commits>>

Return(i) ==
  /\ ~On("epoch-no-return")
  /\ safety[i].epoch > 1
  /\ Write(i, Fresh(safety[i].epoch - 1))
  /\ UNCHANGED <<parent, ends, voted, reports, commits, left>>

Next ==
  \E i \in Honest :
    \/ \E b \in Blocks : \E p \in 0 .. 2 * (ViewOf(b) - 1) : \E end \in BOOLEAN :
         Prepare(i, ViewOf(b), b, p, end)
    \/ \E v \in 1 .. Views - 1 : Timeout(i, v) \* nothing follows the last view
    \/ \E b \in Blocks : Commit(i, b) \/ Learn(i, b) \/ Enter(i, b)
    \/ Crash(i)
    \/ Return(i)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What holds in every state. *)

OneBlockAView ==
  \A e \in 1 .. Epochs : \A v \in 1 .. Views : ~(Certified(e, 2 * v - 1) /\ Certified(e, 2 * v))

RECURSIVE Above(_, _, _)
Above(e, a, b) == a = b \/ (a > b /\ Above(e, parent[e][a], b))

\* Final blocks are what outcomes of commit certificates name.
Final(e) == {Outcome(e, b).block : b \in {c \in Blocks : parent[e][c] # None /\ Committed(e, c)}}

\* One chain is final over all epochs: within each, nothing above a block that ended it,
\* and nothing beside the one by which it was left.
OneChain ==
  \A e \in 1 .. Epochs :
    /\ \A x, y \in Final(e) : Above(e, x, y) \/ Above(e, y, x)
    /\ \A x \in Final(e) : EndAbove(e, x) \in {None, x}
    /\ left[e] # None => \A x \in Final(e) : Above(e, left[e], x)

\* Certificates that end an epoch name one outcome. rule: epoch-certificate
OneEnd ==
  \A e \in 1 .. Epochs : \A x, y \in Blocks :
    (/\ parent[e][x] # None /\ Committed(e, x) /\ Outcome(e, x).ends
     /\ parent[e][y] # None /\ Committed(e, y) /\ Outcome(e, y).ends)
    => Outcome(e, x) = Outcome(e, y)
=============================================================================
