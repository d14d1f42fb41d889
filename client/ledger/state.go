package ledger

import (
	"fmt"
)

// Prefixes of state keys.
const (
	keyAccount = 0x01
	keyRecord  = 0x02
)

// AccountKey is the raw state key of an account.
func AccountKey(a Address) []byte { return append([]byte{keyAccount}, a[:]...) }

// RecordKey is the raw state key of a record.
func RecordKey(owner Address, key []byte) []byte {
	return append(append([]byte{keyRecord}, owner[:]...), key...)
}

// Account is an account's row.
type Account struct {
	Nonce   uint64 `json:"nonce"` // of its next transaction
	Balance Amount `json:"balance"`
}

// DecodeAccount reads an account's row: nonce u64, balance u128.
func DecodeAccount(row []byte) (Account, error) {
	r := &reader{rest: row}
	a := Account{Nonce: r.u64()}
	a.Balance.Lo, a.Balance.Hi = r.u64(), r.u64()
	if r.bad || len(r.rest) > 0 {
		return Account{}, fmt.Errorf("account row of %d bytes, want 24", len(row))
	}
	return a, nil
}

// Record is a record's row.
type Record struct {
	Deposit Amount `json:"deposit"` // given back when it is deleted
	Height  uint64 `json:"height"`  // of the block that wrote it last
	Data    []byte `json:"data"`
}

// DecodeRecord reads a record's row: deposit u128, height u64, data.
func DecodeRecord(row []byte) (Record, error) {
	r := &reader{rest: row}
	var rec Record
	rec.Deposit.Lo, rec.Deposit.Hi = r.u64(), r.u64()
	rec.Height = r.u64()
	if r.bad {
		return Record{}, fmt.Errorf("record row of %d bytes, want at least 24", len(row))
	}
	rec.Data = r.rest
	return rec, nil
}
