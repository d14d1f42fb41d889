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

	governanceRows = 8   // rows that an operation touches for a validator
	validatorRow   = 450 // the longest, with its key
)

// entries is how many validators, or rows like theirs, an operation of governance
// is about; 0: it is none.
func entries(op Operation) uint64 {
	switch o := op.(type) {
	case Transfer, BatchTransfer, RecordPut, RecordDelete:
		return 0
	case Weigh:
		return uint64(len(o.Weights))
	}
	return 1
}

// signatures is how many an operation's transaction may carry, consents and
// possessions (which cost as much as many) included.
func signatures(op Operation) uint64 {
	switch o := op.(type) {
	case Join:
		return keySignatures(o.ConsensusKey)
	case Rotate:
		return keySignatures(o.ConsensusKey)
	}
	if NeedsAuthority(op) {
		return 1 + MaxAuthorityKeys
	}
	return 1
}

func keySignatures(consensusKey []byte) uint64 {
	if len(consensusKey) == maxConsensusKey {
		return 2 + 100
	}
	return 2
}

// GasLimit is a gas limit that is enough for an operation under the default
// schedule, with a fifth to spare. What is not used is not charged.
func GasLimit(op Operation) uint64 {
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
	if n := entries(op); n > 0 {
		reads, writes, events = governanceRows*n, governanceRows*n, n
		rows = reads * validatorRow
	}
	body := Body{Operation: op}
	bytes := uint64(len(body.Encode()) + 4 + 65)
	gas := gasTransaction + gasSignature*signatures(op) + gasByte*bytes + gasRead*reads + gasWrite*writes + gasWriteByte*rows + gasEvent*events + extra
	return gas + gas/5
}
