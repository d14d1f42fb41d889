package wire

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bedrock-bft/bedrock/node/types"
)

const (
	maxBitmap             = types.MaxValidators / 8
	maxAggregateSignature = types.MaxValidatorsEd25519 * types.MaxSignature
)

func putAggregate(b []byte, a *types.Aggregate) []byte {
	b = putBytes(b, 1, a.Signers)
	return putBytes(b, 2, a.Signature)
}

func (r *reader) aggregate(num protowire.Number) *types.Aggregate {
	m := r.message(num, "signatures")
	if m == nil {
		return nil
	}
	a := &types.Aggregate{}
	a.Signers = m.bytes(1, maxBitmap)
	a.Signature = m.bytes(2, maxAggregateSignature)
	m.end()
	return a
}

func putQC(b []byte, q *types.QC) []byte {
	b = putUint(b, 1, q.Epoch)
	b = putUint(b, 2, q.View)
	b = putUint(b, 3, q.Height)
	b = putHash(b, 4, q.Block)
	if q.Prepares != nil {
		b = putMessage(b, 5, func(b []byte) []byte { return putAggregate(b, q.Prepares) })
	}
	if q.Commit != nil {
		b = putMessage(b, 6, func(b []byte) []byte { return putCC(b, q.Commit) })
	}
	return b
}

func (r *reader) qc() *types.QC {
	q := &types.QC{}
	q.Epoch = r.u64(1)
	q.View = r.u64(2)
	q.Height = r.u64(3)
	q.Block = r.hash(4)
	q.Prepares = r.aggregate(5)
	if m := r.message(6, "commit"); m != nil {
		q.Commit = m.cc()
	}
	r.end()
	if q.Prepares != nil && q.Commit != nil {
		r.fail("both prepare and commit votes")
	}
	return q
}

func putCC(b []byte, c *types.CC) []byte {
	b = putUint(b, 1, c.Epoch)
	b = putUint(b, 2, c.View)
	b = putUint(b, 3, c.Height)
	b = putHash(b, 4, c.Block)
	b = putMessage(b, 5, func(b []byte) []byte { return putOutcome(b, &c.Outcome) })
	return putMessage(b, 6, func(b []byte) []byte { return putAggregate(b, &c.Commits) })
}

func (r *reader) cc() *types.CC {
	c := &types.CC{}
	c.Epoch = r.u64(1)
	c.View = r.u64(2)
	c.Height = r.u64(3)
	c.Block = r.hash(4)
	o := r.message(5, "outcome")
	r.require(o != nil, "outcome")
	if o != nil {
		c.Outcome = o.outcome()
	}
	a := r.aggregate(6)
	r.require(a != nil, "commits")
	if a != nil {
		c.Commits = *a
	}
	r.end()
	return c
}

func putTC(b []byte, t *types.TC) []byte {
	b = putUint(b, 1, t.Epoch)
	b = putUint(b, 2, t.View)
	for i := range t.Groups {
		g := &t.Groups[i]
		b = putMessage(b, 3, func(b []byte) []byte {
			b = putUint(b, 1, g.HighView)
			return putMessage(b, 2, func(b []byte) []byte { return putAggregate(b, &g.Sigs) })
		})
	}
	return putMessage(b, 4, func(b []byte) []byte { return putQC(b, &t.High) })
}

func (r *reader) tc() *types.TC {
	t := &types.TC{}
	t.Epoch = r.u64(1)
	t.View = r.u64(2)
	if n := r.count(3, types.MaxValidators); n > 0 {
		t.Groups = make([]types.TimeoutGroup, 0, n)
	}
	for m := r.message(3, "group"); m != nil; m = r.message(3, "group") {
		g := types.TimeoutGroup{HighView: m.u64(1)}
		a := m.aggregate(2)
		m.require(a != nil, "signatures")
		m.end()
		if a != nil {
			g.Sigs = *a
		}
		t.Groups = append(t.Groups, g)
	}
	q := r.message(4, "high")
	r.require(q != nil, "high")
	if q != nil {
		t.High = *q.qc()
	}
	r.end()
	return t
}

// EncodeQC, EncodeCC and EncodeTC are certificates on their own.
func EncodeQC(q *types.QC) []byte { return putQC(nil, q) }

// EncodeCC is a commit certificate.
func EncodeCC(c *types.CC) []byte { return putCC(nil, c) }

// EncodeTC is a timeout certificate.
func EncodeTC(t *types.TC) []byte { return putTC(nil, t) }

// DecodeQC reads what EncodeQC wrote; its signatures are not verified.
func DecodeQC(b []byte) (*types.QC, error) {
	r := newReader("QC", b)
	q := r.qc()
	return orNil(r, q)
}

// DecodeCC reads what EncodeCC wrote; its signatures are not verified.
func DecodeCC(b []byte) (*types.CC, error) {
	r := newReader("CC", b)
	c := r.cc()
	return orNil(r, c)
}

// DecodeTC reads what EncodeTC wrote; its signatures are not verified.
func DecodeTC(b []byte) (*types.TC, error) {
	r := newReader("TC", b)
	t := r.tc()
	return orNil(r, t)
}

func orNil[T any](r *reader, v *T) (*T, error) {
	if *r.err != nil {
		return nil, *r.err
	}
	return v, nil
}
