package types

// scheduleSlots is about how many slots a schedule has where the total power is
// larger.
const scheduleSlots = 4096

// schedule spreads the leaders' turns over one round by smooth weighted round
// robin: each step every validator gains its weight, the richest (the lowest index
// among equals) leads and pays the sum of weights.
func schedule(validators []Validator) []uint32 {
	var total uint64
	for i := range validators {
		total += validators[i].Power
	}
	weights := make([]int64, len(validators))
	var sum int64
	for i := range validators {
		w := validators[i].Power
		if total > scheduleSlots {
			w = max(1, w*scheduleSlots/total)
		}
		weights[i] = int64(w)
		sum += weights[i]
	}
	slots := make([]uint32, sum)
	gained := make([]int64, len(validators))
	for k := range slots {
		best := 0
		for i, w := range weights {
			if gained[i] += w; gained[i] > gained[best] {
				best = i
			}
		}
		gained[best] -= sum
		slots[k] = uint32(best)
	}
	return slots
}
