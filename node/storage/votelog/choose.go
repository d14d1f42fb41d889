package votelog

import "fmt"

// choice is the record that an opening goes on with.
type choice struct {
	winner found
	// whole says that winner came from a segment, with the bodies in it.
	whole  bool
	damage []Damage
}

// choose picks the highest valid sequence of both copies, and refuses where
// something newer may have been written completely. // rule: log-open
//
// An Append returned only if its record was complete in both copies. So if one
// copy holds the winner and hides nothing newer, nothing newer was returned.
func choose(segments, slots scan) (choice, error) {
	seg, inSegments := segments.best()
	slot, inSlots := slots.best()
	c := choice{damage: append(append([]Damage(nil), segments.damage...), slots.damage...)}
	if !inSegments && !inSlots {
		return c, fmt.Errorf("%w: no valid record in segments or slots", ErrForeign)
	}
	c.winner, c.whole = seg, true
	if !inSegments || inSlots && slot.seq > seg.seq {
		c.winner, c.whole = slot, false
	}
	c.damage = append(c.damage, compare(seg, slot, inSegments, inSlots)...)

	won := c.winner.seq
	if seg.seq == won && segments.hidden <= won || slot.seq == won && slots.hidden <= won {
		return c, nil
	}
	return c, fmt.Errorf("%w: record %d is the newest that can be read, and both copies show damage where a newer one was", ErrForeign, won)
}

// compare reports copies that ordinary stops do not leave: more than one write
// apart, or none at all.
func compare(seg, slot found, inSegments, inSlots bool) []Damage {
	apart := Damage{Kind: DamageApart}
	switch {
	case !inSegments:
		return []Damage{{Kind: DamageMissing, File: "segments", Seq: slot.seq, Text: "no valid record in any segment; the slots have one"}}
	case !inSlots:
		return []Damage{{Kind: DamageMissing, File: "slots", Seq: seg.seq, Text: "no valid record in any slot; the segments have one"}}
	case slot.seq < seg.both:
		apart.File, apart.Seq = "slots", slot.seq
		apart.Text = fmt.Sprintf("slots end at record %d, segments at %d", slot.seq, seg.seq)
	case seg.seq < slot.both:
		apart.File, apart.Seq = "segments", seg.seq
		apart.Text = fmt.Sprintf("segments end at record %d, slots at %d", seg.seq, slot.seq)
	default:
		return nil
	}
	return []Damage{apart}
}

// mergeSlots is the slots' copy as one: records in order of sequence.
func mergeSlots(a, b scan) scan {
	if best, ok := a.best(); ok {
		if other, also := b.best(); also && best.seq > other.seq {
			a, b = b, a
		}
	}
	merged := scan{hidden: max(a.hidden, b.hidden)}
	merged.records = append(append(merged.records, a.records...), b.records...)
	merged.damage = append(append(merged.damage, a.damage...), b.damage...)
	return merged
}
