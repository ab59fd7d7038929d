package audit_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/audit"
)

// A change is told from beginning to end, even when whoever asked for it has
// gone.
func TestChange(t *testing.T) {
	l, _ := written(t, 0)
	ctx, gone := context.WithCancel(t.Context())
	c, err := l.Begin(ctx, audit.Entry{Actor: "kim", Action: "rotate", Tenant: "acme", Detail: map[string]string{"asked": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	audit.Of(audit.In(ctx, c)).Tell("new_secret", "sha256:1")
	c.Tell("empty", "")
	gone()
	if err := c.End(ctx, "done"); err != nil {
		t.Fatal(err)
	}
	list, err := l.List(t.Context(), 0, 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("got %v, %v", list, err)
	}
	if diff := cmp.Diff(map[string]string{"asked": "1", "new_secret": "sha256:1", "outcome": "done"}, list[0].Detail); list[0].Action != "rotate ended" || diff != "" {
		t.Errorf("the end: %q %s", list[0].Action, diff)
	}
	if diff := cmp.Diff(map[string]string{"asked": "1"}, list[1].Detail); diff != "" {
		t.Errorf("the beginning: %s", diff)
	}
	if n, err := l.Verify(t.Context(), 0, ""); err != nil || n != 2 {
		t.Errorf("the chain: %d, %v", n, err)
	}
}

// Where no change is audited, nothing is told.
func TestNoChange(t *testing.T) {
	c := audit.Of(t.Context())
	c.Tell("x", "y")
	if err := c.End(t.Context(), "done"); err != nil {
		t.Error(err)
	}
}
