package chain

import (
	"crypto/ed25519"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
)

// What a delegate sends is fee-free and goes by compare-and-swap: a repeat of the
// same bytes, or of the same operation, changes nothing. // rule: delegate

// Rotate puts a new instance in the place of op.Expected, signed by the delegate.
// validUntil is the last height, above 0, that the new identity consented to.
func Rotate(delegate ed25519.PrivateKey, genesis types.Hash, op ledger.Rotate, validUntil uint64) ([]byte, error) {
	if err := op.CheckConsent(genesis, validUntil); err != nil {
		return nil, err
	}
	return ledger.Sign(delegate, ledger.FeeFreeBody(genesis, validUntil, op))
}

// Maintain takes, moves or gives back (op.End 0) a lease, signed by the delegate.
// validUntil 0: at any height.
func Maintain(delegate ed25519.PrivateKey, genesis types.Hash, op ledger.Maintain, validUntil uint64) ([]byte, error) {
	return ledger.Sign(delegate, ledger.FeeFreeBody(genesis, validUntil, op))
}

// Leave takes a validator out for good, signed by the delegate.
func Leave(delegate ed25519.PrivateKey, genesis types.Hash, op ledger.Leave, validUntil uint64) ([]byte, error) {
	return ledger.Sign(delegate, ledger.FeeFreeBody(genesis, validUntil, op))
}

// Fee is how a transaction that is not fee-free pays.
type Fee struct {
	Nonce      uint64 // of the payer's account (Client.Account)
	GasPrice   uint64 // at least the parameter min_gas_price
	ValidUntil uint64 // last height; 0: any
}

func (f Fee) body(genesis types.Hash, op ledger.Operation) ledger.Body {
	return ledger.Body{Genesis: genesis, Nonce: f.Nonce, GasPrice: f.GasPrice, GasLimit: ledger.GasLimit(op), ValidUntil: f.ValidUntil, Operation: op}
}

// Join makes a candidate, owned by who signs.
func Join(owner ed25519.PrivateKey, genesis types.Hash, op ledger.Join, fee Fee) ([]byte, error) {
	if err := op.CheckConsent(genesis, [32]byte(owner.Public().(ed25519.PublicKey))); err != nil {
		return nil, err
	}
	return ledger.Sign(owner, fee.body(genesis, op))
}

// Delegate names the key that may rotate, maintain and leave a validator, signed by
// its owner.
func Delegate(owner ed25519.PrivateKey, genesis types.Hash, op ledger.Delegate, fee Fee) ([]byte, error) {
	return ledger.Sign(owner, fee.body(genesis, op))
}

// Weigh is a half-signed change of powers, without signatures: keys of the authority
// sign it (ledger.Draft.Sign), the payer does (SignAsPayer), and Transaction gives
// the bytes. With a threshold of 1 and one key at hand, see WeighWith.
func Weigh(payer ed25519.PublicKey, genesis types.Hash, op ledger.Weigh, fee Fee) (*ledger.Draft, error) {
	body := fee.body(genesis, op)
	body.Payer = [32]byte(payer)
	return ledger.NewDraft(body)
}

// WeighWith is a change of powers that keys of the authority sign at once.
func WeighWith(payer ed25519.PrivateKey, genesis types.Hash, op ledger.Weigh, fee Fee, authority ...ed25519.PrivateKey) ([]byte, error) {
	return ledger.SignAuthority(payer, fee.body(genesis, op), authority...)
}
