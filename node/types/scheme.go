package types

// Scheme is a signature scheme with its certificates' form. Implementations are
// stateless and safe for concurrent use; keys and signatures come as bytes, and
// what does not decode counts as invalid. // see docs/encodings.md, Signatures
type Scheme interface {
	ID() SchemeID
	// Name is the scheme's name in genesis.
	Name() string
	// CheckKey reports why key is no public key of the scheme. For bls12381 the
	// proof of possession is checked with it.
	CheckKey(key, possession []byte) error
	// Verify reports whether sig is key's signature over msg.
	Verify(key, msg, sig []byte) bool
	// VerifyAll reports whether every sigs[i] is keys[i]'s signature over msgs[i].
	VerifyAll(keys, msgs, sigs [][]byte) bool
	// Aggregate joins signatures, in index order, to a certificate's.
	Aggregate(sigs [][]byte) ([]byte, error)
	// VerifyAggregate reports whether agg holds the signature of each keys[i] over
	// msg, in order.
	VerifyAggregate(keys [][]byte, msg, agg []byte) bool
}
