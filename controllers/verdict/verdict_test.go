package verdict_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

func TestConditionsKeepTheTimeOfTheLastTransition(t *testing.T) {
	old := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	now := old.Add(time.Hour)
	before := []metav1.Condition{
		{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready", LastTransitionTime: old},
		{Type: "InSet", Status: metav1.ConditionTrue, Reason: "InSet", LastTransitionTime: old},
	}
	got := verdict.Conditions(before, 7, now,
		verdict.True("Ready", "StillReady", "another reason, the same status"),
		verdict.False("InSet", "Left", strings.Repeat("x", verdict.MaxMessageBytes+1)),
	)
	if len(got) != 2 || *got[0].Type != "InSet" || *got[1].Type != "Ready" {
		t.Fatalf("conditions are not sorted by type: %v", got)
	}
	if !got[1].LastTransitionTime.Equal(&old) {
		t.Errorf("Ready kept its status but its time moved to %v", got[1].LastTransitionTime)
	}
	if !got[0].LastTransitionTime.Time.Equal(now) {
		t.Errorf("InSet changed but its time is %v", got[0].LastTransitionTime)
	}
	if n := len(*got[0].Message); n != verdict.MaxMessageBytes {
		t.Errorf("message of %d bytes, at most %d are taken by the API server", n, verdict.MaxMessageBytes)
	}
	if *got[0].ObservedGeneration != 7 {
		t.Errorf("observed generation %d", *got[0].ObservedGeneration)
	}
}
