// Rights compares what a user was granted with what an API server's audit log says that
// it used and was refused.
//
//	rights -user NAME -roles FILE[,FILE...] [-may-be-denied FILE] [-rare FILE] LOG...
//
// It prints every right with how often it was used, and ends with 1 if a request was
// denied that -may-be-denied does not name, or, with -rare, if a right was never used
// that this file does not excuse. Both files have a line a right: `verb group/resource
// why`, the core group being empty; lines of rights that are not granted, or not needed
// as an excuse, are faults too, so that the files stay true. A reason that begins with
// "once its roles went" excuses a denial only within a minute after somebody deleted a
// role or a binding.
//
// Invariants: a request counts for the rule that allows it (verb, group, resource,
// name); an apply that made its object counts for patch and create; unknown lines of a
// log are faults, not skipped; a log without one request of the user is a fault, since
// it shows nothing.
//
// Tests: rights_test.go.
package main
