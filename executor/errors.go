package executor

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/executor/internal/sandbox"
)

// ErrUnverifiable: the module found that the state it was handed does not verify
// against its root. It comes wrapped in a HostFault.
var ErrUnverifiable = errors.New("the stored state does not verify against its root")

// HostFault means that this node could not execute: a read error, a corrupt
// row, no memory, cancellation. It is never an outcome (rule: host-fault).
type HostFault struct {
	Doing string
	Err   error
}

// Error says what failed.
func (f *HostFault) Error() string { return fmt.Sprintf("%s: host fault: %v", f.Doing, f.Err) }

// Unwrap is the cause.
func (f *HostFault) Unwrap() error { return f.Err }

// TrapKind tells apart what ended a call by the module's own making. All kinds
// have the same outcome.
type TrapKind string

// The kinds of traps.
const (
	TrapFuel   TrapKind = "fuel"   // ran longer than the fuel limit
	TrapStack  TrapKind = "stack"  // ran deeper than the stack limit
	TrapCode   TrapKind = "trap"   // unreachable, bounds, division and the like
	TrapImport TrapKind = "import" // called an import against its contract
	TrapAnswer TrapKind = "answer" // answered with what is malformed
)

// ModuleTrap ended a call by the module's own making: the same on every node.
type ModuleTrap struct {
	Export string
	Kind   TrapKind
	Reason string // in no hash
}

// Error says what the module did.
func (t *ModuleTrap) Error() string {
	return fmt.Sprintf("module trapped in %s (%s): %s", t.Export, t.Kind, t.Reason)
}

// InputError: what the caller asked for does not fit state, module or limits. It
// says nothing of the block or the host.
type InputError struct{ Reason string }

// Error says what does not fit.
func (e *InputError) Error() string { return e.Reason }

func inputf(format string, args ...any) error {
	return &InputError{Reason: fmt.Sprintf(format, args...)}
}

// RefusedError: a module is not accepted, or a genesis document is not.
type RefusedError struct {
	What   string
	Reason string
}

// Error says what was refused and why.
func (e *RefusedError) Error() string { return fmt.Sprintf("%s refused: %s", e.What, e.Reason) }

// violation is a module's breach of an import's contract.
type violation struct{ reason string }

func (v *violation) Error() string { return v.reason }

func violatef(format string, args ...any) error {
	return &violation{reason: fmt.Sprintf(format, args...)}
}

// malformed is an answer that breaks the contract.
type malformed struct{ reason string }

func (m *malformed) Error() string { return m.reason }

func malformedf(format string, args ...any) error {
	return &malformed{reason: fmt.Sprintf(format, args...)}
}

// classify turns the error of a run into a ModuleTrap or a HostFault, by its
// type and identity alone.
func classify(export string, err error) error {
	if err == nil {
		return nil
	}
	switch cause := err.(type) {
	case *sandbox.Trap:
		kind := TrapCode
		switch cause.Code {
		case sandbox.TrapOutOfFuel:
			kind = TrapFuel
		case sandbox.TrapStackOverflow:
			kind = TrapStack
		}
		return &ModuleTrap{Export: export, Kind: kind, Reason: cause.Message}
	case *violation:
		return &ModuleTrap{Export: export, Kind: TrapImport, Reason: cause.reason}
	case *malformed:
		return &ModuleTrap{Export: export, Kind: TrapAnswer, Reason: cause.reason}
	case *ModuleTrap, *HostFault, *RefusedError, *InputError:
		return err
	default:
		return &HostFault{Doing: export, Err: err}
	}
}
