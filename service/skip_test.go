package service_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// A record that is left out writes nothing, holds up nobody, and stays a debt:
// it comes back when somebody ends it.
func TestSkippedRecords(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.world.TellPast()
	e.world.TellLive()
	e.start()
	e.apply()
	e.allWell()
	recs := e.rooms.States.Tenant(tenantID)
	penalty := queue.Ref{Type: "vendorbill", ID: "6011"} // of the unmapped account
	standing := func() state.Record {
		t.Helper()
		got, err := recs.Get(t.Context(), penalty)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	skip := func(body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.ops+"/api/v1/tenants/"+tenantID+"/records/vendorbill/6011:skip", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := (&http.Client{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	until := time.Now().UTC().AddDate(0, 0, 7).Format(time.DateOnly)
	for name, body := range map[string]string{"no reason": `{"until":"` + until + `"}`, "no day": `{"reason":"x"}`, "a day that is over": `{"reason":"x","until":"2020-01-01"}`,
		"a day too far away": `{"reason":"x","until":"2999-01-01"}`} {
		if got := skip(body); got < 400 || got >= 500 {
			t.Errorf("%s: got %d", name, got)
		}
	}
	writes := e.world.Cin7.Journal()
	if got := skip(`{"reason":"paid by card","until":"` + until + `","by":"kim"}`); got != http.StatusAccepted {
		t.Fatalf("skip: %d", got)
	}
	e.await(20*time.Second, func() []string {
		if r := standing(); r.State != queue.Skipped || r.Reason != state.ReasonSkip || r.Message != "by kim until "+until+": paid by card" {
			return []string{string(r.State) + " " + r.Reason + " " + r.Message}
		}
		return nil
	})
	// Everything of its order is taken up again around it, and nothing written.
	if _, err := recs.Retry(t.Context(), e.rooms.Queue, state.Filter{State: queue.Completed}, "", false); err != nil {
		t.Fatal(err)
	}
	e.await(20*time.Second, func() []string {
		n, err := recs.Counts(t.Context())
		if err != nil || n[queue.Pending]+n[queue.Running] > 0 {
			return []string{"under way"}
		}
		return nil
	})
	if got := e.world.Cin7.Journal(); len(got) != len(writes) {
		t.Errorf("%d writes reached Cin7 around a skipped bill", len(got)-len(writes))
	}
	if r := standing(); r.State != queue.Skipped {
		t.Errorf("its order woke it: %s", r.State)
	}
	// Whoever retries what is skipped ends the skip.
	if n, err := recs.Retry(t.Context(), e.rooms.Queue, state.Filter{State: queue.Skipped, Reason: state.ReasonSkip}, "", false); n != 1 || err != nil {
		t.Fatalf("retry: %d, %v", n, err)
	}
	e.await(20*time.Second, func() []string {
		if r := standing(); r.State != queue.Parked || r.Reason != "unmapped_account" {
			return []string{string(r.State) + " " + r.Reason}
		}
		return nil
	})
}
