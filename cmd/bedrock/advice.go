package main

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// advice is what to do about a code of the ledger that a person meets.
var advice = map[string]string{
	"expired":            "its last height has passed: sign it again",
	"bad_nonce":          "another transaction of this account came first: sign it again",
	"not_authorized":     "see who may: `bedrock query validators VALIDATOR`, `bedrock query authority`",
	"no_such_validator":  "`bedrock query validators` lists all",
	"stale":              "the chain has moved on since it was signed: look with `bedrock query validators` and sign it again",
	"key_used":           "an identity or key never comes back: make a new one on an empty signer volume (`bedrock identity init`)",
	"wrong_status":       "`bedrock query validators` shows what it is now",
	"not_ready":          "a candidate's node says that it is ready once it is synced; a jailed validator is rotated first",
	"too_few_validators": "add a validator first, or state it with --allow-fewer",
	"one_newcomer":       "weigh the next newcomer in the next epoch",
	"rotation_limit":     "wait until the window of earlier rotations has passed (half of it for the same validator), or let the authority set rotation_window_ms=0 for the time",
	"maintenance_limit":  "others have leases: wait until one ends",
	"already_scheduled":  "`bedrock tx authority cancel` takes it back",
	"bad_schedule":       "let the window begin above the present height, with another module than the running one",
}

// advised adds a code's name, and what to do about it, to an error.
func advised(code uint32, err error) error {
	name := ledger.CodeName(code)
	if do, ok := advice[name]; ok {
		return fmt.Errorf("%w (%s: %s)", err, name, do)
	}
	return fmt.Errorf("%w (%s)", err, name)
}

// refusal explains a node's refusal of a transaction.
func refusal(err error) error {
	var rejected *client.RejectedError
	if errors.As(err, &rejected) && rejected.Code != 0 {
		return advised(rejected.Code, err)
	}
	return err
}
