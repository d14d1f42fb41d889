package verdict

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
)

// MaxMessageBytes bounds a condition's message, as the API server does.
const MaxMessageBytes = 32 << 10

// Verdict is a decision about one condition.
type Verdict struct {
	Type    string // of the condition
	Status  metav1.ConditionStatus
	Reason  string // CamelCase
	Message string // for people: what is so, and what to do about it
}

// True says that the condition holds.
func True(kind, reason, message string) Verdict {
	return Verdict{kind, metav1.ConditionTrue, reason, message}
}

// False says that it does not, and why.
func False(kind, reason, message string) Verdict {
	return Verdict{kind, metav1.ConditionFalse, reason, message}
}

// Unknown says that it cannot be told now, and why.
func Unknown(kind, reason, message string) Verdict {
	return Verdict{kind, metav1.ConditionUnknown, reason, message}
}

// OK says whether the condition holds.
func (v Verdict) OK() bool { return v.Status == metav1.ConditionTrue }

// Conditions turns verdicts into what is applied, sorted by type. The time of a
// condition whose status is as before is kept.
func Conditions(before []metav1.Condition, generation int64, now time.Time, verdicts ...Verdict) []*metav1ac.ConditionApplyConfiguration {
	sorted := slices.Clone(verdicts)
	slices.SortFunc(sorted, func(a, b Verdict) int {
		switch {
		case a.Type < b.Type:
			return -1
		case a.Type > b.Type:
			return 1
		}
		return 0
	})
	out := make([]*metav1ac.ConditionApplyConfiguration, 0, len(sorted))
	for _, v := range sorted {
		since := metav1.NewTime(now.UTC().Truncate(time.Second))
		for _, b := range before {
			if b.Type == v.Type && b.Status == v.Status {
				since = b.LastTransitionTime
			}
		}
		message := v.Message
		if len(message) > MaxMessageBytes {
			message = message[:MaxMessageBytes]
		}
		out = append(out, metav1ac.Condition().
			WithType(v.Type).WithStatus(v.Status).WithReason(v.Reason).WithMessage(message).
			WithObservedGeneration(generation).WithLastTransitionTime(since))
	}
	return out
}
