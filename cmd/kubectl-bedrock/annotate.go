package main

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// annotate sets one annotation of an object, or takes it away (nil), with the caller's
// own rights.
func (c *cluster) annotate(ctx context.Context, o client.Object, key string, value *string) error {
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}}
	raw, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	if err := c.Patch(ctx, o, client.RawPatch(types.MergePatchType, raw)); err != nil {
		return fmt.Errorf("annotate %s: %w (the cluster role bedrock-editor allows it)", o.GetName(), err)
	}
	return nil
}

func findCondition(list []metav1.Condition, kind string) *metav1.Condition {
	for i := range list {
		if list[i].Type == kind {
			return &list[i]
		}
	}
	return nil
}
