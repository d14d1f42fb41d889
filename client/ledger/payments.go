package ledger

import (
	"encoding/binary"
	"fmt"
)

// Payment is one recipient's.
type Payment struct {
	To     Address `json:"to"`
	Amount Amount  `json:"amount"`
}

// Transfer sends an amount above 0.
type Transfer Payment

// BatchTransfer sends amounts to 1 to MaxRecipients recipients.
type BatchTransfer []Payment

// RecordPut writes a record of the payer: key 1 to MaxRecordKeyBytes, data up to
// MaxRecordBytes.
type RecordPut struct{ Key, Data []byte }

// RecordDelete deletes a record of the payer.
type RecordDelete struct{ Key []byte }

func (o Transfer) append(b []byte) []byte {
	b = append(append(b, opTransfer), o.To[:]...)
	return o.Amount.append(b)
}

func (o Transfer) check() error { return checkPayments(Payment(o)) }

func (o BatchTransfer) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, opBatch), uint32(len(o)))
	for _, p := range o {
		b = p.Amount.append(append(b, p.To[:]...))
	}
	return b
}

func (o BatchTransfer) check() error {
	if len(o) == 0 || len(o) > MaxRecipients {
		return fmt.Errorf("a batch of %d recipients: want 1 to %d", len(o), MaxRecipients)
	}
	return checkPayments(o...)
}

func checkPayments(payments ...Payment) error {
	for _, p := range payments {
		if p.Amount.IsZero() {
			return fmt.Errorf("the amount for %s is 0", p.To)
		}
	}
	return nil
}

func (o RecordPut) append(b []byte) []byte {
	return appendVar(appendVar(append(b, opRecordPut), o.Key), o.Data)
}

func (o RecordPut) check() error {
	if len(o.Data) > MaxRecordBytes {
		return fmt.Errorf("a record of %d bytes, at most %d", len(o.Data), MaxRecordBytes)
	}
	return checkKey(o.Key)
}

func (o RecordDelete) append(b []byte) []byte { return appendVar(append(b, opRecordDelete), o.Key) }

func (o RecordDelete) check() error { return checkKey(o.Key) }

func checkKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxRecordKeyBytes {
		return fmt.Errorf("a record's key of %d bytes: want 1 to %d", len(key), MaxRecordKeyBytes)
	}
	return nil
}
