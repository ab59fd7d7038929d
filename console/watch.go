package console

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/audit"
)

// webhooks shows the recent posts with their verdicts.
func (a *console) webhooks(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	hooks, err := a.States.Tenant(t.ID).Hooks(r.Context(), 200)
	if err != nil {
		return err
	}
	a.render(w, r, http.StatusOK, "webhooks", view{Title: "Webhooks", Tenant: t, Tab: "webhooks", Data: hooks})
	return nil
}

// auditMost is how many lines of the audit log a page shows.
const auditMost = 500

// auditRow is a change for people.
type auditRow struct {
	At                        time.Time
	Who, Tenant, What, Detail string
	Words                     string // what it was, for people; "" when What says it
}

// audit shows who changed what.
func (a *console) audit(w http.ResponseWriter, r *http.Request) error {
	entries, err := a.Audit.List(r.Context(), 0, auditMost)
	if err != nil {
		return err
	}
	rows := make([]auditRow, 0, len(entries))
	for _, e := range entries {
		rows = append(rows, auditRow{e.At, e.Actor, e.Tenant, e.Action, detail(e), auditWords(e.Action)})
	}
	a.render(w, r, http.StatusOK, "audit", view{Title: "Audit", Data: rows})
	return nil
}

// auditWords is what somebody did in the console, for people.
func auditWords(action string) string {
	what, ended := strings.CutSuffix(strings.TrimPrefix(action, "console "), " ended")
	said := map[string]string{
		"sync": "Try a record again", "skip": "Leave a record out", "retry": "Try many records again", "accounts": "Change the mapping", "poll": "Read NetSuite now", "backfill": "Start a backfill",
		"backfill-steer": "Pause, resume or cancel a backfill", "rotate": "Make a webhook secret", "retire": "End the older webhook secret", "pause": "Pause the company", "resume": "Let the company go on",
	}[what]
	if said == "" || !strings.HasPrefix(action, "console ") {
		return ""
	}
	if ended {
		return said + ": how it ended"
	}
	return said
}

func detail(e audit.Entry) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		if k != "request_id" {
			out = append(out, k+" "+e.Detail[k])
		}
	}
	return strings.Join(out, ", ")
}
