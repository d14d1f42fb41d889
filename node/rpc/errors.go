package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/types"
)

// answer turns a Backend's error into one of Connect's codes.
func answer(what string, err error) error {
	var floor *BelowFloorError
	var ready *connect.Error
	code := connect.CodeInternal
	switch {
	case errors.As(err, &ready):
		return err
	case errors.As(err, &floor):
		code = connect.CodeOutOfRange
	case errors.Is(err, ErrNotFound):
		code = connect.CodeNotFound
	case errors.Is(err, ErrUnavailable):
		code = connect.CodeUnavailable
	case errors.Is(err, context.Canceled):
		code = connect.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		code = connect.CodeDeadlineExceeded
	}
	return connect.NewError(code, fmt.Errorf("%s: %w", what, err))
}

func invalid(format string, args ...any) error {
	return connect.NewError(connect.CodeInvalidArgument, fmt.Errorf(format, args...))
}

func hashArgument(what string, b []byte) (types.Hash, error) {
	h, err := types.HashFromBytes(b)
	if err != nil {
		return h, invalid("%s: %w", what, err)
	}
	return h, nil
}

// recovered keeps one broken request from ending the node; the stack goes to the
// log, not to the client.
func (s *Server) recovered(_ context.Context, spec connect.Spec, _ http.Header, cause any) error {
	s.opt.Log.Error("request broke off", "procedure", spec.Procedure, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	return connect.NewError(connect.CodeInternal, errors.New("the node failed on this request: its log says why"))
}
