package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxAuthorityKeys bounds the keys of the authority.
const MaxAuthorityKeys = 64

// Weight is a validator's power; 0: out of the set.
type Weight struct {
	Validator ID     `json:"validator"`
	Power     uint64 `json:"power"`
}

// Weigh sets the power of 1 to MaxValidators validators, names ascending.
type Weigh struct {
	Flags   Flags
	Weights []Weight
}

// Setting is a parameter's new value; Index is its place in ParameterNames.
type Setting struct {
	Index uint8
	Value uint64
}

// SetParameters sets parameters, indexes ascending.
type SetParameters []Setting

// Authority is an m-of-n set of keys, ascending.
type Authority struct {
	Threshold uint16 `json:"threshold"`
	Keys      []ID   `json:"keys"`
}

// SetAuthority puts another authority in place.
type SetAuthority Authority

// Schedule plans an executor for the first block in a window of heights at which
// a quorum of the power is ready.
type Schedule struct {
	Executor            ID
	Engine              uint32
	NotBefore, NotAfter uint64
}

// Cancel takes back what is scheduled.
type Cancel struct{ Executor ID }

// NeedsAuthority reports whether an operation is the authority's.
func NeedsAuthority(op Operation) bool {
	switch op.(type) {
	case Weigh, SetParameters, SetAuthority, Schedule, Cancel:
		return true
	}
	return false
}

// OperationName is an operation's name as the command line has it.
func OperationName(op Operation) string {
	switch op.(type) {
	case Transfer:
		return "transfer"
	case BatchTransfer:
		return "batch transfer"
	case RecordPut:
		return "record put"
	case RecordDelete:
		return "record delete"
	case Join:
		return "join"
	case Ready:
		return "ready"
	case Rotate:
		return "rotate"
	case Delegate:
		return "delegate"
	case Leave:
		return "leave"
	case Maintain:
		return "maintain"
	case ModuleReady:
		return "module ready"
	case Weigh:
		return "weigh"
	case SetParameters:
		return "set parameters"
	case SetAuthority:
		return "set authority"
	case Schedule:
		return "schedule"
	case Cancel:
		return "cancel"
	}
	return "no operation"
}

func (o Weigh) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(append(b, opWeigh, byte(o.Flags)), uint16(len(o.Weights)))
	for _, w := range o.Weights {
		b = binary.LittleEndian.AppendUint64(append(b, w.Validator[:]...), w.Power)
	}
	return b
}

func (o Weigh) check() error {
	if n := len(o.Weights); n == 0 || n > MaxValidators {
		return fmt.Errorf("%d validators are weighed: want 1 to %d", n, MaxValidators)
	}
	if !ascend(o.Weights, func(w *Weight) *ID { return &w.Validator }) {
		return errors.New("the validators that are weighed do not ascend, or one stands twice")
	}
	return o.Flags.check()
}

func (o SetParameters) append(b []byte) []byte {
	b = append(b, opSetParameters, byte(len(o)))
	for _, s := range o {
		b = binary.LittleEndian.AppendUint64(append(b, s.Index), s.Value)
	}
	return b
}

func (o SetParameters) check() error {
	if len(o) == 0 || len(o) > len(ParameterNames) {
		return fmt.Errorf("%d parameters are set: want 1 to %d", len(o), len(ParameterNames))
	}
	for i, s := range o {
		if int(s.Index) >= len(ParameterNames) || i > 0 && s.Index <= o[i-1].Index {
			return fmt.Errorf("parameter %d is none, or they do not ascend", s.Index)
		}
	}
	return nil
}

func (o SetAuthority) append(b []byte) []byte {
	return Authority(o).append(append(b, opSetAuthority))
}

func (o SetAuthority) check() error { return Authority(o).check() }

func (a Authority) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, a.Threshold)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(a.Keys)))
	for i := range a.Keys {
		b = append(b, a.Keys[i][:]...)
	}
	return b
}

func (a Authority) check() error {
	if n := len(a.Keys); n == 0 || n > MaxAuthorityKeys {
		return fmt.Errorf("an authority of %d keys: want 1 to %d", n, MaxAuthorityKeys)
	}
	if a.Threshold == 0 || int(a.Threshold) > len(a.Keys) {
		return fmt.Errorf("a threshold of %d among %d keys: want 1 to %d", a.Threshold, len(a.Keys), len(a.Keys))
	}
	if !ascend(a.Keys, itself) {
		return errors.New("the authority's keys do not ascend, or one stands twice")
	}
	return nil
}

func (o Schedule) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(append(b, opSchedule), o.Executor[:]...), o.Engine)
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, o.NotBefore), o.NotAfter)
}

func (o Schedule) check() error {
	if o.NotAfter < o.NotBefore {
		return fmt.Errorf("a window from height %d to %d ends before it begins", o.NotBefore, o.NotAfter)
	}
	return nil
}

func (o Cancel) append(b []byte) []byte { return append(append(b, opCancel), o.Executor[:]...) }

func (o Cancel) check() error { return nil }
