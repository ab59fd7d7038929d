package console

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

type runsData struct {
	Coverage []poller.Coverage
	Backfill poller.Backfill
	Share    int // of the backfill, percent
	Types    []string
	Lane     queue.Lane
	Held     string
	Every    time.Duration
	Forecast *poller.Backfill // of a backfill that is not started yet
	Asked    poller.BackfillRequest
}

// runs shows polls, the backfill and the lane.
func (a *console) runs(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	return a.runsPage(w, r, t, nil, poller.BackfillRequest{})
}

func (a *console) runsPage(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, forecast *poller.Backfill, asked poller.BackfillRequest) error {
	recs := a.States.Tenant(t.ID)
	wm, err := recs.Watermarks(r.Context())
	if err != nil {
		return err
	}
	d := runsData{Held: wm[state.Held], Every: poller.Interval(wm), Types: t.Sync.Types, Forecast: forecast, Asked: asked}
	if d.Coverage, err = poller.CoverageOf(r.Context(), t, recs, a.Now()); err != nil {
		return err
	}
	if d.Backfill, err = poller.BackfillOf(r.Context(), t, recs, a.Queue, a.Now()); err != nil {
		return err
	}
	d.Share = int(100 * d.Backfill.Share())
	if d.Lane, err = a.Queue.Lane(r.Context(), t.ID); err != nil {
		return err
	}
	a.render(w, r, http.StatusOK, "runs", view{Title: "Runs", Tenant: t, Tab: "runs", Data: d})
	return nil
}

// poll asks for a poll now.
func (a *console) poll(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if err := a.States.Tenant(t.ID).RequestPoll(r.Context()); err != nil {
		return err
	}
	if err := a.Queue.Wake(r.Context(), t.ID, time.Time{}); err != nil {
		return err
	}
	return done(w, r, a.url(t, "runs"), "poll")
}

// backfill counts and says what it costs; with start it starts.
func (a *console) backfill(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	in := poller.BackfillRequest{Since: netsuite.Date(r.PostForm.Get("since")), Types: slices.DeleteFunc(slices.Clone(r.PostForm["types"]), func(s string) bool { return s == "" })}
	if s := r.PostForm.Get("calls"); s != "" {
		if in.CallsPerMinute, err = strconv.Atoi(s); err != nil {
			return &said{http.StatusUnprocessableEntity, "The calls a minute are a whole number. Nothing was started."}
		}
	}
	start := r.PostForm.Get("start") != ""
	b, err := a.StartBackfill(r.Context(), t, in, !start)
	var asked *poller.RequestError
	switch {
	case errors.As(err, &asked), errors.Is(err, state.ErrBackfillRuns):
		return &said{http.StatusUnprocessableEntity, plain(err) + ". Nothing was started."}
	case err != nil:
		return err
	case start:
		return done(w, r, a.url(t, "runs"), "backfill")
	}
	return a.runsPage(w, r, t, &b, in)
}

// steer pauses, resumes or cancels a backfill.
func (a *console) steer(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	verb := r.PostForm.Get("verb")
	if !slices.Contains([]string{"pause", "resume", "cancel"}, verb) {
		return &said{http.StatusUnprocessableEntity, "A backfill is paused, resumed or cancelled."}
	}
	_, err = poller.SteerBackfill(r.Context(), t, a.States.Tenant(t.ID), a.Queue, verb, a.Now())
	var asked *poller.RequestError
	if errors.As(err, &asked) {
		return &said{http.StatusConflict, plain(err) + "."}
	}
	if err != nil {
		return err
	}
	return done(w, r, a.url(t, "runs"), verb)
}
