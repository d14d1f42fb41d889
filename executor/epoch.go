package executor

import (
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
)

// Bounds of an epoch change (rule: epoch-set-valid).
const (
	maxTotalPower   = 1 << 32 // exclusive
	maxValidators   = 1024
	maxBlockBytes   = 16 << 20
	ed25519KeyBytes = 32
	blsKeyBytes     = 96
	possessionBytes = 48
)

// decodeEpoch reads an EpochParams field strictly.
func decodeEpoch(outer *fields) *executorv1.EpochParams {
	change := new(executorv1.EpochParams)
	f := &fields{message: "EpochParams", rest: outer.bytes()}
	for number := f.next(1); number != 0; number = f.next(1) {
		switch number {
		case 1:
			if len(change.Validators) == maxValidators {
				f.fail("more than %d validators", maxValidators)
				break
			}
			change.Validators = append(change.Validators, decodeValidator(f))
		case 2:
			hash := f.hash()
			change.ExecutorHash = hash[:]
		case 3:
			change.Engine = uint32(f.number(maxU32))
		case 4:
			change.MaxBlockBytes = f.number(maxU64)
		case 5:
			change.MaxBlockGas = f.number(maxU64)
		default:
			f.unknown()
		}
	}
	if f.err != nil {
		outer.fail("epoch change: %v", f.err)
	}
	return change
}

func decodeValidator(outer *fields) *executorv1.Validator {
	v := new(executorv1.Validator)
	f := &fields{message: "Validator", rest: outer.bytes()}
	for number := f.next(0); number != 0; number = f.next(0) {
		switch number {
		case 1:
			v.ConsensusKey = f.copied(blsKeyBytes)
		case 2:
			key := f.hash()
			v.NetworkKey = key[:]
		case 3:
			v.Power = f.number(maxU64)
		case 4:
			v.Possession = f.copied(possessionBytes)
		default:
			f.unknown()
		}
	}
	if f.err != nil {
		outer.fail("validator: %v", f.err)
	}
	return v
}

// validEpoch judges an epoch change by what holds for every chain
// (rule: epoch-set-valid); check, which may be nil, judges the rest.
func validEpoch(change *executorv1.EpochParams, check func(*executorv1.EpochParams) error) error {
	switch {
	case len(change.Validators) == 0:
		return malformedf("epoch change with an empty validator set")
	case len(change.ExecutorHash) != 32:
		return malformedf("epoch change without an executor hash")
	case change.Engine == 0:
		return malformedf("epoch change without an engine number")
	case change.MaxBlockBytes == 0 || change.MaxBlockBytes > maxBlockBytes:
		return malformedf("epoch change with blocks of %d bytes, want 1 to %d", change.MaxBlockBytes, maxBlockBytes)
	case change.MaxBlockGas == 0:
		return malformedf("epoch change with blocks of no gas")
	}
	if err := validSet(change.Validators); err != nil {
		return err
	}
	if check != nil {
		if err := check(change); err != nil {
			return malformedf("epoch change: %v", err)
		}
	}
	return nil
}

func validSet(validators []*executorv1.Validator) error {
	consensus, network := make(map[string]bool), make(map[string]bool)
	width := len(validators[0].ConsensusKey)
	if width != ed25519KeyBytes && width != blsKeyBytes {
		return malformedf("validator 0 has a consensus key of %d bytes", width)
	}
	possession := 0
	if width == blsKeyBytes {
		possession = possessionBytes
	}
	total := uint64(0)
	for i, v := range validators {
		switch {
		case len(v.ConsensusKey) != width || len(v.NetworkKey) != 32:
			return malformedf("validator %d has keys of %d and %d bytes, want %d and 32", i, len(v.ConsensusKey), len(v.NetworkKey), width)
		case len(v.Possession) != possession:
			return malformedf("validator %d has a proof of possession of %d bytes, want %d", i, len(v.Possession), possession)
		case consensus[string(v.ConsensusKey)] || network[string(v.NetworkKey)]:
			return malformedf("validator %d repeats a key", i)
		case v.Power == 0 || v.Power >= maxTotalPower:
			return malformedf("validator %d has power %d, want 1 to 2^32-1", i, v.Power)
		}
		consensus[string(v.ConsensusKey)], network[string(v.NetworkKey)] = true, true
		if total += v.Power; total >= maxTotalPower {
			return malformedf("total power %d at validator %d, want less than 2^32", total, i)
		}
	}
	return nil
}
