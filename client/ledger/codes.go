package ledger

// codeNames are the codes of verdicts and receipts, as the module's.
var codeNames = map[uint32]string{
	0: "ok", 1: "malformed", 2: "wrong_chain", 3: "bad_signature", 4: "unknown_operation",
	10: "bad_nonce", 11: "insufficient_funds", 12: "expired", 13: "gas_price_too_low", 14: "gas_limit_too_low",
	15: "gas_limit_too_high", 16: "too_large", 17: "block_full",
	20: "out_of_gas", 21: "insufficient_balance", 22: "no_such_record", 23: "record_too_large", 30: "bad_query",
}

// CodeName names a code; "unknown" if it has none here.
func CodeName(code uint32) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	return "unknown"
}
