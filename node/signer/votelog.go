package signer

import "github.com/bedrock-bft/bedrock/node/storage/votelog"

// createVoteLog makes the empty vote log that is born with an identity, and at no
// other time. // rule: key-with-memory
func createVoteLog(dir string, owner [32]byte, allowUnsafe bool) error {
	return votelog.Create(dir, votelog.Options{Owner: owner, AllowUnsafeFileSystem: allowUnsafe})
}
