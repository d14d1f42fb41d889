package faults

import (
	"context"
	"errors"
	"fmt"
)

// ErrInjected is the error of a reconcile that a test ended.
var ErrInjected = errors.New("ended here by a test")

// Moment is before or after an act.
type Moment int

// Moments of an act.
const (
	Before Moment = iota
	After
)

// String is the moment's word.
func (m Moment) String() string {
	if m == After {
		return "after"
	}
	return "before"
}

// Injector is asked at every moment of every act. Its error, which should wrap
// ErrInjected, ends the reconcile there.
type Injector func(name string, m Moment) error

type key struct{}

// With is a context in which the injector is asked. Tests alone make one.
func With(ctx context.Context, in Injector) context.Context {
	return context.WithValue(ctx, key{}, in)
}

// Point is one moment of an act: nil in production.
func Point(ctx context.Context, name string, m Moment) error {
	in, ok := ctx.Value(key{}).(Injector)
	if !ok || in == nil {
		return nil
	}
	if err := in(name, m); err != nil {
		return fmt.Errorf("%s %s: %w", m, name, err)
	}
	return nil
}

// Do does an act between its two moments. The name is "controller/act".
func Do(ctx context.Context, name string, act func() error) error {
	if err := Point(ctx, name, Before); err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	return Point(ctx, name, After)
}
