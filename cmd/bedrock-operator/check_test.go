package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCheck(t *testing.T) {
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	if err := check(context.Background(), s.URL); err != nil {
		t.Errorf("it answers 200: %v", err)
	}
	status = http.StatusServiceUnavailable
	if check(context.Background(), s.URL) == nil {
		t.Error("503 passes")
	}
	s.Close()
	if check(context.Background(), s.URL) == nil {
		t.Error("no answer passes")
	}
}
