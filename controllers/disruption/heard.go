package disruption

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// maxHeard bounds what is remembered of missing validators; above it all is forgotten,
// as by an operator that starts.
const maxHeard = 16384

// heard remembers when two nodes said last that a validator is missing. An operator that
// starts begins to count.
type heard struct {
	mu sync.Mutex
	at map[types.UID]time.Time
}

// told is what a validator's condition Missing says so far.
func (h *heard) told(v *v1alpha1.Validator, now time.Time) plan.Told {
	for _, c := range v.Status.Conditions {
		if c.Type != v1alpha1.ValidatorMissing || c.Status != metav1.ConditionTrue {
			continue
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		last, known := h.at[v.UID]
		if !known {
			last = now
			h.put(v.UID, now)
		}
		return plan.Told{Missing: true, Unasked: c.Reason == v1alpha1.ReasonWitnessesUnasked, Since: c.LastTransitionTime.Time, Heard: last}
	}
	return plan.Told{}
}

// note takes down what is said of a validator now.
func (h *heard) note(v *v1alpha1.Validator, say verdict.Verdict, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !say.OK():
		delete(h.at, v.UID)
	case say.Reason != v1alpha1.ReasonWitnessesUnasked:
		h.put(v.UID, now)
	}
}

func (h *heard) put(uid types.UID, at time.Time) {
	if h.at == nil || len(h.at) >= maxHeard {
		h.at = map[types.UID]time.Time{}
	}
	h.at[uid] = at
}
