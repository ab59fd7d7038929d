package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/steer"
	"github.com/ml-connector/ml-connector/tenant"
)

type recordData struct {
	R       state.Record
	Steps   []queue.Step
	Track   []stageStep
	Friends []state.Record // the other documents of its purchase
	Sides   []handlers.Side
	Asked   bool   // the two systems were read for this page
	Trouble string // why they could not be
	Retry   bool   // a retry makes sense
	ReadAt  time.Time
}

// ref reads the record that a path names.
func ref(r *http.Request) (queue.Ref, error) {
	k := queue.Ref{Type: chi.URLParam(r, "type"), ID: chi.URLParam(r, "nsid")}
	if _, err := netsuite.ParseID(k.ID); err != nil || !slices.Contains(recordTypes, k.Type) {
		return k, &said{http.StatusNotFound, "There is no such record: a record is named by its type and its NetSuite internal id."}
	}
	return k, nil
}

// look reads what we know of a record.
func (a *console) look(ctx context.Context, t *tenant.Tenant, k queue.Ref) (recordData, error) {
	recs := a.States.Tenant(t.ID)
	got, err := recs.Get(ctx, k)
	if err != nil {
		return recordData{}, err
	}
	d := recordData{R: got[0]}
	if d.R.State == "" {
		return d, state.ErrNotFound
	}
	if d.Steps, err = recs.Timeline(ctx, k); err != nil {
		return d, err
	}
	slices.Reverse(d.Steps)
	if k.Type != "vendor" {
		all, err := a.purchase(ctx, recs, d.R)
		if err != nil {
			return d, err
		}
		d.Track = track(all, d.R.Facts[state.FactStage], t.Sync.Approach)
		d.Friends = slices.DeleteFunc(all, func(o state.Record) bool { return o.Ref == k })
	}
	d.Retry = d.R.State == queue.Parked || d.R.State == queue.Waiting || d.R.State == queue.Completed || d.R.State == queue.Skipped
	return d, nil
}

// purchase are the documents of a record's purchase: the order, then receipts,
// bills and credits; the record itself among them.
func (a *console) purchase(ctx context.Context, recs *state.Records, rec state.Record) ([]state.Record, error) {
	all, err := recs.OfPurchase(ctx, rec.Facts[state.FactCin7Number])
	if err != nil {
		return nil, err
	}
	has := func(k queue.Ref) bool {
		return slices.ContainsFunc(all, func(o state.Record) bool { return o.Ref == k })
	}
	if order := (queue.Ref{Type: "purchaseorder", ID: rec.Facts[state.FactPO]}); order.ID != "" && !has(order) {
		got, err := recs.Get(ctx, order)
		if err != nil {
			return nil, err
		}
		if got[0].State != "" {
			all = append(all, got[0])
		}
	}
	if !has(rec.Ref) {
		all = append(all, rec)
	}
	slices.SortFunc(all, func(x, y state.Record) int {
		return cmp.Or(cmp.Compare(slices.Index(recordTypes, x.Type), slices.Index(recordTypes, y.Type)), cmp.Compare(len(x.ID), len(y.ID)), cmp.Compare(x.ID, y.ID))
	})
	return all, nil
}

// record is a record's story.
func (a *console) record(w http.ResponseWriter, r *http.Request) error { return a.story(w, r, false) }

// sides is the same with both systems read afresh: one or two calls each, so
// it is asked for.
func (a *console) sides(w http.ResponseWriter, r *http.Request) error { return a.story(w, r, true) }

func (a *console) story(w http.ResponseWriter, r *http.Request, both bool) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	k, err := ref(r)
	if err != nil {
		return err
	}
	d, err := a.look(r.Context(), t, k)
	if err != nil {
		return err
	}
	if both && a.Sides != nil {
		d.Asked, d.ReadAt = true, a.Now()
		if d.Sides, err = a.Sides(r.Context(), t, d.R); err != nil {
			d.Trouble = plain(err)
		}
	}
	name := d.R.Facts[state.FactNumber]
	if name == "" {
		name = k.ID
	}
	a.render(w, r, http.StatusOK, "record", view{Title: typeName(k.Type) + " " + name, Tenant: t, Tab: "records", Data: d})
	return nil
}

// desk carries out what people ask for.
func (a *console) desk() *steer.Desk {
	return &steer.Desk{Queue: a.Queue, States: a.States, Tenants: a.Tenants, Audit: a.Audit, Shows: a.Shows, Now: a.Now}
}

// asker is what a record's story says of who clicked.
func asker(r *http.Request) string { return "asked for in the console by " + whoIs(r.Context()).who }

// sync marks one record again.
func (a *console) sync(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	k, err := ref(r)
	if err != nil {
		return err
	}
	if err := a.desk().Sync(r.Context(), t, k, asker(r)); err != nil {
		return err
	}
	return done(w, r, a.url(t, "records/"+k.Type+"/"+k.ID), "marked")
}

// skip leaves a record out on purpose until a day.
func (a *console) skip(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	k, err := ref(r)
	if err != nil {
		return err
	}
	s := state.Skip{Until: r.PostForm.Get("until"), By: whoIs(r.Context()).who, Why: strings.TrimSpace(r.PostForm.Get("reason"))}
	if err := s.Check(a.Now()); err != nil {
		return &said{http.StatusUnprocessableEntity, "It is not left out: " + plain(err) + "."}
	}
	if err := a.desk().Skip(r.Context(), t, k, s); err != nil {
		return err
	}
	return done(w, r, a.url(t, "records/"+k.Type+"/"+k.ID), "skipped")
}
