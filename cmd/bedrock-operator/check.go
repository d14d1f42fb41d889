package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// checkLimit bounds --check.
const checkLimit = 30 * time.Second

// check asks a URL of the operator's, as `helm test` does from inside the cluster.
func check(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("--check: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("--check: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("--check: %s answers %s", url, res.Status)
	}
	return nil
}
