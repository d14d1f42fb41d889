package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Object applies want for the field manager unless owned, what the manager owns of the
// live object (by an Extract function of the apply configurations; nil where there is
// no live object), is the same. It says whether it wrote.
func Object(ctx context.Context, c client.Client, manager string, want, owned runtime.ApplyConfiguration) (bool, error) {
	same, err := Same(want, owned)
	if err != nil || same {
		return false, err
	}
	if err := c.Apply(ctx, want, client.FieldOwner(manager), client.ForceOwnership); err != nil {
		return false, fmt.Errorf("apply %s: %w", describe(want), err)
	}
	return true, nil
}

// Status is Object for the status subresource.
func Status(ctx context.Context, c client.Client, manager string, want, owned runtime.ApplyConfiguration) (bool, error) {
	same, err := Same(want, owned)
	if err != nil || same {
		return false, err
	}
	if err := c.Status().Apply(ctx, want, client.FieldOwner(manager), client.ForceOwnership); err != nil {
		return false, fmt.Errorf("apply status of %s: %w", describe(want), err)
	}
	return true, nil
}

// Same says whether two apply configurations are the same once written. An owned one
// that is nil is the same as nothing.
func Same(want, owned runtime.ApplyConfiguration) (bool, error) {
	if owned == nil || reflect.ValueOf(owned).IsNil() {
		return false, nil
	}
	a, err := plain(want)
	if err != nil {
		return false, err
	}
	b, err := plain(owned)
	if err != nil {
		return false, err
	}
	return reflect.DeepEqual(a, b), nil
}

func plain(c runtime.ApplyConfiguration) (any, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write an apply configuration: %w", err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("read an apply configuration: %w", err)
	}
	return prune(out), nil
}

// prune drops empty maps and lists: an Extract function and a builder differ in them.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e = prune(e); e == nil {
				delete(v, k)
			} else {
				v[k] = e
			}
		}
		if len(v) == 0 {
			return nil
		}
		return v
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = prune(v[i])
		}
		return v
	}
	return v
}

func describe(c runtime.ApplyConfiguration) string {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Sprintf("%T", c)
	}
	var head struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Sprintf("%T", c)
	}
	return fmt.Sprintf("%s %s/%s", head.Kind, head.Metadata.Namespace, head.Metadata.Name)
}
