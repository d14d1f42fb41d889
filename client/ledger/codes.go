package ledger

// codeNames are the codes of verdicts and receipts, as the module's.
var codeNames = map[uint32]string{
	0: "ok", 1: "malformed", 2: "wrong_chain", 3: "bad_signature", 4: "unknown_operation", 5: "migrating",
	10: "bad_nonce", 11: "insufficient_funds", 12: "expired", 13: "gas_price_too_low", 14: "gas_limit_too_low",
	15: "gas_limit_too_high", 16: "too_large", 17: "block_full",
	20: "out_of_gas", 21: "insufficient_balance", 22: "no_such_record", 23: "record_too_large", 30: "bad_query",
	40: "bad_key", 41: "bad_possession", 42: "bad_consent", 43: "not_authorized", 44: "no_such_validator", 45: "stale",
	46: "key_used", 47: "wrong_status", 48: "not_ready", 49: "too_few_validators", 50: "too_many_validators",
	51: "one_newcomer", 52: "power_out_of_range", 53: "rotation_limit", 54: "maintenance_limit", 55: "bad_lease",
	56: "bad_parameter", 57: "already_scheduled", 58: "not_scheduled", 59: "bad_schedule", 60: "nothing_to_do",
}

// CodeName names a code; "unknown" if it has none here.
func CodeName(code uint32) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	return "unknown"
}
