package node

// RecoveryOf is the part of MakeRecovery that takes what a vote log told.
var RecoveryOf = recoveryOf
