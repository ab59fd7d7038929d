package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/tenant"
)

// A refusal names the field and what it wants, and nothing of what was sent.
func TestBackfillProblems(t *testing.T) {
	started := 0
	h := open(t, func(c *api.Config) {
		c.StartBackfill = func(_ context.Context, t *tenant.Tenant, in poller.BackfillRequest, _ bool) (poller.Backfill, error) {
			if err := in.Check(t, time.Now()); err != nil {
				return poller.Backfill{}, err
			}
			started++
			return poller.Backfill{State: poller.BackfillRunning}, nil
		}
	})
	cases := []struct{ name, verb, body, want, pointer string }{
		{"no date", "", `{"since":"canary"}`, "since: want a date, YYYY-MM-DD", "#/since"},
		{"future", "", `{"since":"2999-01-01"}`, "since: nothing would be read", "#/since"},
		{"no type", "", `{"types":["canary"]}`, "types: want some of vendor,", "#/types"},
		{"too many calls", "", `{"calls_per_minute":999999}`, "calls_per_minute: want 1 to ", "#/calls_per_minute"},
		{"null, which would read everything", "", "null", "send a JSON object", ""},
		{"nothing to pause", ":pause", "", "there is no backfill to pause: none was ever started", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := h.call(http.MethodPost, "/api/v1/tenants/acme/backfill"+c.verb, c.body)
			text := string(got.body)
			if got.status != http.StatusBadRequest || !strings.Contains(text, c.want) || !strings.Contains(text, `"`+c.pointer) || strings.Contains(text, "canary") || strings.Contains(text, "999999") {
				t.Errorf("got %d %s, want 400 with %q at %q", got.status, text, c.want, c.pointer)
			}
		})
	}
	if started != 0 {
		t.Errorf("%d backfills were started", started)
	}
}
