package apply

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
)

// maxTold bounds what is remembered of events; above it all is forgotten.
const maxTold = 16384

// Once is a recorder that tells no event twice in a row: one about the same object and
// action with the same reason as the last. A decision from a late cache repeats itself,
// and a repeated event is a series, of which the count is written again minutes later.
func Once(r events.EventRecorder) events.EventRecorder {
	return &once{EventRecorder: r, told: map[subject]string{}}
}

type subject struct {
	uid    types.UID
	action string
}

type once struct {
	events.EventRecorder
	mu   sync.Mutex
	told map[subject]string // the last reason
}

// Eventf is events.EventRecorder's.
func (o *once) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if about, err := meta.Accessor(regarding); err == nil && o.again(subject{about.GetUID(), action}, reason) {
		return
	}
	o.EventRecorder.Eventf(regarding, related, kind, reason, action, note, args...)
}

// again says whether that was the last reason told, and remembers it.
func (o *once) again(s subject, reason string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.told[s] == reason {
		return true
	}
	if len(o.told) >= maxTold {
		clear(o.told)
	}
	o.told[s] = reason
	return false
}
