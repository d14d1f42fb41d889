package apitest

import (
	"context"
	"reflect"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Stale is a client that reads one object as it was: a cache that is late. Everything else
// passes.
func Stale(c client.Client, was client.Object) client.Client { return &stale{Client: c, was: was} }

type stale struct {
	client.Client
	was client.Object
}

func (s *stale) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if reflect.TypeOf(o) != reflect.TypeOf(s.was) || key != client.ObjectKeyFromObject(s.was) {
		return s.Client.Get(ctx, key, o, opts...)
	}
	reflect.ValueOf(o).Elem().Set(reflect.ValueOf(s.was.DeepCopyObject()).Elem())
	return nil
}

// Meanwhile is a client under which something happens once, before the first list is read:
// where an object is read first, after that.
func Meanwhile(c client.Client, happens func()) client.Client {
	return &meanwhile{Client: c, happens: happens}
}

type meanwhile struct {
	client.Client
	happens func()
}

func (m *meanwhile) List(ctx context.Context, l client.ObjectList, opts ...client.ListOption) error {
	if happens := m.happens; happens != nil {
		m.happens = nil
		happens()
	}
	return m.Client.List(ctx, l, opts...)
}
