package p2p

import (
	"context"
	"log/slog"
)

// gossipLog passes on errors of the gossip library alone. Its warnings are of
// connection tags that this node does not use, one for each message.
type gossipLog struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h gossipLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h gossipLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return gossipLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h gossipLog) WithGroup(name string) slog.Handler { return gossipLog{h.Handler.WithGroup(name)} }
