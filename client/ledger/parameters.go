package ledger

import (
	"fmt"
	"slices"
)

// ParameterNames are the ledger's parameters, in the order of their row.
var ParameterNames = []string{
	"max_block_bytes", "max_block_gas", "max_tx_bytes", "max_tx_gas", "max_recipients", "max_tx_events",
	"max_record_key_bytes", "max_record_bytes", "min_gas_price", "burned_share", "deposit_per_byte",
	"gas_transaction", "gas_byte", "gas_signature", "gas_read", "gas_read_byte", "gas_write", "gas_write_byte",
	"gas_event", "gas_skipped", "gas_possession", "max_candidates", "rotation_window_ms", "evidence_window_ms", "max_lease_ms",
}

// ParameterIndex is a parameter's place in ParameterNames.
func ParameterIndex(name string) (uint8, error) {
	at := slices.Index(ParameterNames, name)
	if at < 0 {
		return 0, fmt.Errorf("there is no parameter %q: use one of %v", name, ParameterNames)
	}
	return uint8(at), nil
}

// DecodeParameters reads the row of parameters, in the order of ParameterNames.
func DecodeParameters(row []byte) ([]uint64, error) {
	if len(row) != 8*len(ParameterNames) {
		return nil, fmt.Errorf("row of parameters of %d bytes, want %d", len(row), 8*len(ParameterNames))
	}
	r := &reader{rest: row}
	out := make([]uint64, len(ParameterNames))
	for i := range out {
		out[i] = r.u64()
	}
	return out, nil
}
