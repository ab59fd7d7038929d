package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// glance is a tenant in one line: is it in step, and must somebody act?
type glance struct {
	T       *tenant.Tenant
	Verdict verdict
	Counts  map[queue.State]int64
	Open    int64 // pending, running and waiting
	Depth   int64
	Oldest  time.Time
	Polled  time.Time // the type that was asked for longest ago
	Hook    time.Time // last good webhook
	TieOut  string    // how the books stand (reconcile.Standing), "" when never reconciled
	Tie     state.TieOutFigures
	TieAt   time.Time
	Days    int  // until the certificate ends
	Cert    bool // the certificate is known
	Left    int  // Cin7 calls of this minute that are not used
	Limit   int  // of a minute
	Held    string
	Reasons []reasonCount // what is parked, the most frequent reason first
	Stands  time.Time     // since when the record stands still that has been parked longest
	Changed time.Time     // when a record last changed its state
	Every   time.Duration // from one look at NetSuite to the next
	Gaps    int           // known holes in what was read of NetSuite
}

// verdict is the answer to "act or not".
type verdict struct {
	Level string // good, wait, act
	Text  string
	Since time.Time // zero when that is not known, or stands in Text
}

// judge decides what an operator must know first. It is pure.
func judge(g glance, now time.Time) verdict {
	switch {
	case strings.HasPrefix(g.Held, "credentials"):
		return verdict{Level: "act", Text: "Credentials are refused"}
	case g.Cert && g.Days < 14:
		return verdict{Level: "act", Text: "Certificate ends in " + count(int64(g.Days), "day", "days")}
	case g.TieOut == reconcile.Apart:
		return verdict{Level: "act", Text: "The books do not tie out"}
	case g.T.Paused != "":
		return verdict{Level: "wait", Text: "Paused"}
	case g.Counts[queue.Parked] > 0:
		return verdict{"act", count(g.Counts[queue.Parked], "record needs", "records need") + " a person", g.Stands}
	case !g.Polled.IsZero() && now.Sub(g.Polled) > 4*g.Every:
		return verdict{"act", "NetSuite is not being read", g.Polled}
	case g.Held != "":
		return verdict{Level: "wait", Text: "Held back: " + g.Held}
	case g.Open > 0 && !g.Oldest.IsZero() && now.Sub(g.Oldest) > 15*time.Minute:
		return verdict{"wait", "Behind", g.Oldest}
	case g.Polled.IsZero():
		return verdict{Level: "wait", Text: "Not read yet"}
	case g.Depth > 0 || g.Counts[queue.Pending]+g.Counts[queue.Running] > 0:
		return verdict{"good", "Catching up", g.Oldest}
	}
	// Nothing has been open since a record last changed its state.
	return verdict{"good", "In step", g.Changed}
}

// glanceAt reads what the overview shows of a tenant.
func (a *console) glanceAt(ctx context.Context, t *tenant.Tenant) (glance, error) {
	g := glance{T: t, Limit: t.Cin7.CallsPerMinute}
	recs := a.States.Tenant(t.ID)
	var err error
	if g.Counts, err = recs.Counts(ctx); err != nil {
		return g, err
	}
	g.Open = g.Counts[queue.Pending] + g.Counts[queue.Running] + g.Counts[queue.Waiting]
	lane, err := a.Queue.Lane(ctx, t.ID)
	if err != nil {
		return g, err
	}
	g.Depth, g.Oldest = lane.Depth[queue.Live]+lane.Depth[queue.Bulk], lane.Oldest
	wm, err := recs.Watermarks(ctx)
	if err != nil {
		return g, err
	}
	g.Held, g.Every = wm[state.Held], max(2*time.Minute, poller.Interval(wm))
	for _, typ := range t.Sync.Types {
		if at := poller.PolledAt(wm, typ); !at.IsZero() && (g.Polled.IsZero() || at.Before(g.Polled)) {
			g.Polled = at
		}
	}
	if f, ok := state.TieOut(wm); ok {
		g.Tie, g.TieOut = f, reconcile.Standing(f.Unexplained, f.Parked)
		g.TieAt = state.TieOutAt(wm)
	}
	if end := t.CertificateEnd(); !end.IsZero() {
		g.Cert, g.Days = true, int(end.Sub(a.Now()).Hours()/24)
	}
	if g.Reasons, g.Stands, err = reasons(ctx, recs); err != nil {
		return g, err
	}
	if g.Changed, err = recs.LastChange(ctx); err != nil {
		return g, err
	}
	covered, err := poller.CoverageOf(ctx, t, recs, a.Now())
	if err != nil {
		return g, err
	}
	for _, c := range covered {
		g.Gaps += len(c.Gaps)
	}
	hooks, err := recs.Hooks(ctx, 20)
	if err != nil {
		return g, err
	}
	if i := slices.IndexFunc(hooks, func(h state.Hook) bool { return h.Verdict == "accepted" || h.Verdict == "ignored" }); i >= 0 {
		g.Hook = hooks[i].At
	}
	if a.Budget != nil {
		if g.Left, err = a.Budget(ctx, t); err != nil {
			return g, err
		}
	}
	g.Verdict = judge(g, a.Now())
	return g, nil
}

// tenantsOnPage is how many tenants the overview shows at once.
const tenantsOnPage = 50

type overviewData struct {
	Rows       []glance
	Query      string
	Page, Last int
	All        int
	Act        int // tenants on this page that need somebody
}

type reasonCount struct {
	Reason string
	N      int64
}

// overview is every tenant; those that need somebody come first.
func (a *console) overview(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Tenants.List(r.Context())
	if err != nil {
		return err
	}
	d := overviewData{Query: strings.TrimSpace(r.URL.Query().Get("q")), All: len(all), Page: pageNumber(r)}
	all = slices.DeleteFunc(all, func(t *tenant.Tenant) bool {
		return !strings.Contains(strings.ToLower(t.ID+" "+t.Name), strings.ToLower(d.Query))
	})
	d.Last = max(1, (len(all)+tenantsOnPage-1)/tenantsOnPage)
	d.Page = min(d.Page, d.Last)
	all = all[min(len(all), (d.Page-1)*tenantsOnPage):min(len(all), d.Page*tenantsOnPage)]
	d.Rows = make([]glance, len(all))
	var g errgroup.Group
	g.SetLimit(8)
	for i, t := range all {
		g.Go(func() (err error) {
			d.Rows[i], err = a.glanceAt(r.Context(), t)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	rank := map[string]int{"act": 0, "wait": 1, "good": 2}
	slices.SortStableFunc(d.Rows, func(x, y glance) int { return cmp.Compare(rank[x.Verdict.Level], rank[y.Verdict.Level]) })
	for _, g := range d.Rows {
		if g.Verdict.Level == "act" {
			d.Act++
		}
	}
	a.render(w, r, http.StatusOK, "overview", view{Title: "Overview", Data: d})
	return nil
}

// reasons counts the parked records by reason, the most frequent first; oldest
// is since when the first of them stands.
func reasons(ctx context.Context, recs *state.Records) (out []reasonCount, oldest time.Time, err error) {
	by, err := recs.Standing(ctx)
	if err != nil {
		return nil, oldest, err
	}
	for reason, s := range by {
		out = append(out, reasonCount{reason, s.N})
		if oldest.IsZero() || s.Oldest.Before(oldest) {
			oldest = s.Oldest
		}
	}
	slices.SortFunc(out, func(x, y reasonCount) int {
		return cmp.Or(cmp.Compare(y.N, x.N), cmp.Compare(x.Reason, y.Reason))
	})
	return out, oldest, nil
}

func pageNumber(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}
