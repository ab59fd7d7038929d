package poller

import (
	"slices"
	"time"

	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// The default schedules, with and without webhooks.
const (
	everyWithHooks    = "15m"
	everyWithoutHooks = "2m"
)

// The bounds of how long webhooks may stay away before a poll looks why.
const (
	silenceLeast = 10 * time.Minute
	silenceMost  = 6 * time.Hour
)

// scheduleOf is the tenant's schedule. While webhooks that used to come are
// known to be lost, it is that of a tenant without.
func scheduleOf(t *tenant.Tenant, hooksLost bool) (func(time.Time) time.Time, error) {
	every := t.Poll.Every
	switch {
	case every != "":
	case t.Subscriptions() && !hooksLost:
		every = everyWithHooks
	default:
		every = everyWithoutHooks
	}
	return tenant.ParseSchedule(every)
}

// silence is when a stream of webhooks must be called silent, from the webhooks
// that came last, newest first: three times the gap that nine of ten stayed
// below, at least 10 minutes and at most 6 hours. Zero when too few came to
// tell.
func silence(hooks []state.Hook) (last, silentFrom time.Time) {
	var at []time.Time
	for _, h := range hooks {
		if h.Verdict == "accepted" || h.Verdict == "ignored" {
			at = append(at, h.At)
		}
	}
	if len(at) == 0 {
		return time.Time{}, time.Time{}
	}
	if len(at) < 5 {
		return at[0], time.Time{}
	}
	var gaps []time.Duration
	for i := range at[1:] {
		gaps = append(gaps, at[i].Sub(at[i+1]))
	}
	slices.Sort(gaps)
	usual := gaps[len(gaps)*9/10]
	return at[0], at[0].Add(min(max(3*usual, silenceLeast), silenceMost))
}

// due decides whether to poll now, why, and if not, when.
func due(wm map[string]string, schedule func(time.Time) time.Time, silentFrom, now time.Time) (why string, next time.Time) {
	if state.PollAsked(wm) != "" {
		return "asked for", time.Time{}
	}
	next, err := time.Parse(time.RFC3339, wm[fieldNext])
	if err != nil {
		return "first sight", time.Time{}
	}
	last, err := time.Parse(time.RFC3339, wm[fieldLast])
	if err == nil {
		// A schedule that was shortened counts from the last poll.
		if s := schedule(last); s.Before(next) {
			next = s
		}
		if !silentFrom.IsZero() && last.Before(silentFrom) {
			if !now.Before(silentFrom) {
				return "webhooks fell silent", time.Time{}
			}
			if silentFrom.Before(next) {
				next = silentFrom
			}
		}
	}
	if now.Before(next) {
		return "", next
	}
	return "schedule", time.Time{}
}
