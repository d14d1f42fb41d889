package sim

import (
	"context"
	"log/slog"

	"github.com/bedrock-bft/bedrock/node/task/deterministic"
)

// virtualTime gives lines of a log the time of the run.
type virtualTime struct {
	slog.Handler
	s *deterministic.Scheduler
}

// Handle implements slog.Handler.
func (h virtualTime) Handle(ctx context.Context, r slog.Record) error {
	r.Time = h.s.Now()
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h virtualTime) WithAttrs(attrs []slog.Attr) slog.Handler {
	return virtualTime{h.Handler.WithAttrs(attrs), h.s}
}

// WithGroup implements slog.Handler.
func (h virtualTime) WithGroup(name string) slog.Handler {
	return virtualTime{h.Handler.WithGroup(name), h.s}
}
