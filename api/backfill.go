package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/state"
)

func (a *ops) getBackfill(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	b, err := poller.BackfillOf(r.Context(), t, a.records(t), a.c.Queue, time.Now())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, b)
	return nil
}

// startBackfill counts in NetSuite first and answers with the forecast; with
// dry_run nothing is started.
func (a *ops) startBackfill(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	body, err := readBody(w, r, maxDocument, nil)
	if err != nil {
		return err
	}
	var in struct {
		Since          netsuite.Date `json:"since"`
		Types          []string      `json:"types"`
		CallsPerMinute int           `json:"calls_per_minute"`
		DryRun         bool          `json:"dry_run"`
	}
	if err := decode(body, &in); err != nil {
		return err
	}
	b, err := a.c.StartBackfill(r.Context(), t, poller.BackfillRequest{Since: in.Since, Types: in.Types, CallsPerMinute: in.CallsPerMinute}, in.DryRun)
	if err != nil {
		return backfillProblem(err)
	}
	status := http.StatusAccepted
	if in.DryRun {
		status = http.StatusOK
	}
	writeJSON(w, status, b)
	return nil
}

func (a *ops) steerBackfill(verb string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		t, err := a.tenant(r)
		if err != nil {
			return err
		}
		b, err := poller.SteerBackfill(r.Context(), t, a.records(t), a.c.Queue, verb, time.Now())
		if err != nil {
			return backfillProblem(err)
		}
		writeJSON(w, http.StatusOK, b)
		return nil
	}
}

// backfillProblem says what a person can do about an error.
func backfillProblem(err error) error {
	var asked *poller.RequestError
	var ns *netsuite.Error
	switch {
	case errors.As(err, &asked):
		// Not in its own words: they repeat what was sent.
		if asked.Field == "" {
			return problem(http.StatusBadRequest, "bad-backfill", asked.Want)
		}
		p := problem(http.StatusBadRequest, "bad-backfill", asked.Field+": "+asked.Want)
		p.Errors = []ProblemError{{Pointer: pointer(asked.Field), Detail: asked.Want}}
		return p
	case errors.Is(err, state.ErrBackfillRuns):
		return problem(http.StatusConflict, "backfill-runs", "a backfill is under way: cancel it first")
	case errors.As(err, &ns):
		return problem(http.StatusBadGateway, "netsuite", ns.Error())
	}
	return err
}
