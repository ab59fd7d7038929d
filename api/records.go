package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/steer"
)

// recordView is a record as the API and the command line show it.
type recordView struct {
	Type      string            `json:"type"`
	ID        string            `json:"id"`
	State     queue.State       `json:"state"`
	Reason    string            `json:"reason,omitempty"`
	Message   string            `json:"message,omitempty"`
	Fix       string            `json:"fix,omitempty"`
	UpdatedAt time.Time         `json:"updated_at"`
	NextAt    *time.Time        `json:"next_at,omitempty"`
	Number    string            `json:"number,omitempty"`
	Party     string            `json:"party,omitempty"`
	Total     string            `json:"total,omitempty"`
	Cin7      map[string]string `json:"cin7"` // number, stage, accounts, the version of the settings it was posted under, and the ids by slot
	Timeline  []stepView        `json:"timeline,omitempty"`
}

type stepView struct {
	At   time.Time `json:"at"`
	Step string    `json:"step"`
	Text string    `json:"text"`
}

// ViewRecord is a record in the words of the API.
func ViewRecord(rec state.Record, timeline []queue.Step) any {
	v := recordView{Type: rec.Type, ID: rec.ID, State: rec.State, Reason: rec.Reason, Message: rec.Message, Fix: rec.Fix, UpdatedAt: rec.UpdatedAt.UTC(),
		NextAt: moment(rec.NextAt), Number: rec.Facts[state.FactNumber], Party: rec.Facts[state.FactParty], Total: rec.Facts[state.FactTotal], Cin7: map[string]string{}}
	for name, fact := range map[string]string{"number": state.FactCin7Number, "stage": state.FactStage, "accounts": state.FactAccounts, "settings": state.FactSettings} {
		if s := rec.Facts[fact]; s != "" {
			v.Cin7[name] = s
		}
	}
	for slot, guid := range rec.Links {
		v.Cin7[slot+"_id"] = guid
	}
	for _, s := range timeline {
		v.Timeline = append(v.Timeline, stepView{s.At.UTC(), s.Name, s.Text})
	}
	return v
}

func (a *ops) listRecords(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := state.Filter{State: queue.State(q.Get("state")), Type: q.Get("type"), Reason: q.Get("reason"), Query: q.Get("q"), Cursor: q.Get("cursor")}
	if f.State != "" && !slices.Contains(queue.States[:], f.State) {
		return problem(http.StatusBadRequest, "bad-state", "state is one of pending, running, completed, waiting, parked, skipped")
	}
	if f.Type != "" && !knownType(f.Type) {
		return problem(http.StatusBadRequest, "bad-type", "type is one of vendor, purchaseorder, itemreceipt, vendorbill, vendorcredit")
	}
	if s := q.Get("limit"); s != "" {
		if f.Limit, err = strconv.Atoi(s); err != nil || f.Limit < 1 || f.Limit > 1000 {
			return problem(http.StatusBadRequest, "bad-limit", "limit is 1 to 1000")
		}
	}
	if f.Cursor != "" && !state.ValidCursor(f.Cursor) {
		return problem(http.StatusBadRequest, "bad-cursor", "take the cursor from the answer before")
	}
	page, err := a.records(t).List(r.Context(), f)
	if err != nil {
		return err
	}
	if len(page.Records) == 0 {
		if err := a.knownReason(f.Reason); err != nil {
			return err
		}
	}
	out := make([]any, 0, len(page.Records))
	for _, rec := range page.Records {
		out = append(out, ViewRecord(rec, nil))
	}
	writeJSON(w, http.StatusOK, map[string]any{"records": out, "next_cursor": page.Next})
	return nil
}

// knownReason tells a reason that no record has from one that is misspelt. It
// is asked only when nothing was found: what an older version parked is found
// by its own reason.
func (a *ops) knownReason(s string) error {
	if s == "" || len(a.c.Reasons) == 0 || slices.Contains(a.c.Reasons, s) {
		return nil
	}
	return problem(http.StatusBadRequest, "bad-reason", "no record has this reason; known ones are "+strings.Join(a.c.Reasons, ", "))
}

func knownType(s string) bool { return slices.Contains(recordTypes[:], netsuite.RecordType(s)) }

// ref reads the record that a path names.
func ref(r *http.Request) (queue.Ref, error) {
	out := queue.Ref{Type: chi.URLParam(r, "type"), ID: chi.URLParam(r, "nsid")}
	if !knownType(out.Type) {
		return out, problem(http.StatusNotFound, "bad-type", "record types are vendor, purchaseorder, itemreceipt, vendorbill and vendorcredit")
	}
	if _, err := netsuite.ParseID(out.ID); err != nil {
		return out, problem(http.StatusNotFound, "bad-id", "a record id is a NetSuite internal id: 1 to 18 digits")
	}
	return out, nil
}

func (a *ops) getRecord(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	k, err := ref(r)
	if err != nil {
		return err
	}
	recs, err := a.records(t).Get(r.Context(), k)
	if err != nil {
		return err
	}
	if recs[0].State == "" {
		return state.ErrNotFound
	}
	timeline, err := a.records(t).Timeline(r.Context(), k)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, ViewRecord(recs[0], timeline))
	return nil
}

func (a *ops) syncRecord(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	k, err := ref(r)
	if err != nil {
		return err
	}
	err = a.desk().Sync(r.Context(), t, k, "asked for by "+actor(r.Context()))
	switch {
	case errors.Is(err, steer.ErrNoRecord):
		return problem(http.StatusNotFound, "no-such-record", steer.ErrNoRecord.Error())
	case errors.Is(err, steer.ErrNotAsked):
		return upstream(err)
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// desk carries out what people ask for.
func (a *ops) desk() *steer.Desk {
	return &steer.Desk{Queue: a.c.Queue, States: a.c.States, Tenants: a.c.Tenants, Audit: a.c.Audit, Shows: a.c.Shows}
}

// skipRecord leaves a record out on purpose until a day.
func (a *ops) skipRecord(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	k, err := ref(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, maxDocument, nil)
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
		Until  string `json:"until"`
		By     string `json:"by"`
	}
	if err := decode(b, &in); err != nil {
		return err
	}
	s := state.Skip{Until: in.Until, By: cmp.Or(in.By, "an operator"), Why: in.Reason}
	if err := s.Check(time.Now()); err != nil {
		return invalid(err)
	}
	switch err := a.desk().Skip(r.Context(), t, k, s); {
	case errors.Is(err, steer.ErrMoves):
		return problem(http.StatusConflict, "moves", steer.ErrMoves.Error())
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (a *ops) retryRecords(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, maxDocument, nil)
	if err != nil {
		return err
	}
	var in struct {
		State  queue.State `json:"state"`
		Reason string      `json:"reason"`
		DryRun bool        `json:"dry_run"`
	}
	if err := decode(b, &in); err != nil {
		return err
	}
	if in.State == "" {
		in.State = queue.Parked
	}
	n, err := a.desk().Retry(r.Context(), t, state.Filter{State: in.State, Reason: in.Reason}, "asked for by "+actor(r.Context()), in.DryRun)
	switch {
	case errors.Is(err, steer.ErrState):
		return problem(http.StatusBadRequest, "bad-state", "state is one of parked (default), waiting, skipped, completed")
	case err != nil:
		return err
	}
	if n == 0 {
		if err := a.knownReason(in.Reason); err != nil {
			return err
		}
	}
	note(r, "records", strconv.Itoa(n))
	note(r, "dry_run", strconv.FormatBool(in.DryRun))
	writeJSON(w, http.StatusOK, map[string]any{"records": n, "dry_run": in.DryRun})
	return nil
}
