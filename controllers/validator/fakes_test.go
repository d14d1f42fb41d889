package validator

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// counting counts writes.
type counting struct {
	client.Client
	writes int
	what   []string
}

func (c *counting) add(what string) { c.writes++; c.what = append(c.what, what) }

func (c *counting) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	c.add("create " + o.GetName())
	return c.Client.Create(ctx, o, opts...)
}

func (c *counting) Patch(ctx context.Context, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	c.add("patch " + o.GetName())
	return c.Client.Patch(ctx, o, p, opts...)
}

func (c *counting) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	c.add("delete " + o.GetName())
	return c.Client.Delete(ctx, o, opts...)
}

func (c *counting) Apply(ctx context.Context, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	c.add(fmt.Sprintf("apply %T", o))
	return c.Client.Apply(ctx, o, opts...)
}

func (c *counting) Status() client.SubResourceWriter {
	c.add("status")
	return c.Client.Status()
}

// countingReader counts reads past the cache.
type countingReader struct {
	client.Reader
	reads int
}

func (c *countingReader) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	c.reads++
	return c.Reader.Get(ctx, key, o, opts...)
}

func (c *countingReader) List(ctx context.Context, l client.ObjectList, opts ...client.ListOption) error {
	c.reads++
	return c.Reader.List(ctx, l, opts...)
}
