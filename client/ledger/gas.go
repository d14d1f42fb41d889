package ledger

// Parts of a transaction's gas under the default schedule (docs/execution.md).
// A chain may have another one: then a gas limit is given by hand, or found by
// simulation.
const (
	gasTransaction = 4_000
	gasSignature   = 17_000
	gasByte        = 10
	gasRead        = 1_500
	gasWrite       = 5_000
	gasWriteByte   = 10
	gasEvent       = 800
	gasLongest     = 4_096 // reading the longest record that there may be
	accountRow     = 57
	recordHead     = 57

	gasPossession  = 1_700_000
	governanceRows = 8   // rows that an operation touches for one validator
	validatorRow   = 450 // the longest of them, with its key
)

// governance is how many rows an operation of governance touches, and its events;
// 0: it is none.
func governance(op Operation) (rows, events uint64) {
	switch o := op.(type) {
	case Transfer, BatchTransfer, RecordPut, RecordDelete:
		return 0, 0
	case Weigh:
		n := uint64(len(o.Weights))
		return 4 + 2*n, n
	case SetParameters:
		return 4, uint64(len(o))
	}
	return governanceRows, 1
}

// keys is the gas of the keys that a join or rotation brings: the identity's
// consent, and a BLS key with its possession.
func keys(op Operation) uint64 {
	var possession []byte
	switch o := op.(type) {
	case Join:
		possession = o.Possession
	case Rotate:
		possession = o.Possession
	default:
		return 0
	}
	if len(possession) > 0 {
		return gasSignature + gasPossession
	}
	return gasSignature
}

// GasLimit is a gas limit that is enough for an operation under the default
// schedule, with a fifth to spare, for the authority's whatever number of its keys
// signs. What is not used is not charged.
func GasLimit(op Operation) uint64 {
	if NeedsAuthority(op) {
		return GasLimitOf(op, MaxAuthorityKeys)
	}
	return GasLimitOf(op, 0)
}

// GasLimitOf is the same where up to so many keys of the authority sign.
func GasLimitOf(op Operation, authority int) uint64 {
	reads, writes, events := uint64(2), uint64(2), uint64(1)
	rows, extra := uint64(2*accountRow), uint64(0)
	switch o := op.(type) {
	case BatchTransfer:
		n := uint64(len(o))
		reads, writes, events, rows = 1+n, 1+n, n, (1+n)*accountRow
	case RecordPut:
		rows, extra = accountRow+recordHead+uint64(len(o.Key)+len(o.Data)), gasLongest
	case RecordDelete:
		rows, extra = accountRow+recordHead+uint64(len(o.Key)), gasLongest
	}
	if n, count := governance(op); n > 0 {
		reads, writes, events, rows, extra = n, n, count, n*validatorRow, keys(op)
	}
	body := Body{Operation: op}
	bytes := uint64(len(body.Encode()) + 4 + 65 + 96*authority)
	gas := gasTransaction + gasSignature*uint64(1+authority) + gasByte*bytes + gasRead*reads + gasWrite*writes + gasWriteByte*rows + gasEvent*events + extra
	return gas + gas/5
}
