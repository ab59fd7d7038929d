package console

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

type parkedData struct {
	Groups []parkedGroup
	All    int64
	More   bool
}

// parkedGroup is what is parked for one reason.
type parkedGroup struct {
	Reason  string
	N       int64
	Causes  []cause
	Mapping bool // the remedy is on the accounts page
}

// parked is the work list: by reason, what stands longest first.
func (a *console) parked(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	recs := a.States.Tenant(t.ID)
	var d parkedData
	causes, more, err := a.causes(r.Context(), recs, state.Filter{State: queue.Parked})
	if err != nil {
		return err
	}
	d.More = more
	for _, c := range causes {
		i := slices.IndexFunc(d.Groups, func(g parkedGroup) bool { return g.Reason == c.Reason })
		if i < 0 {
			i = len(d.Groups)
			d.Groups = append(d.Groups, parkedGroup{Reason: c.Reason, Mapping: slices.Contains(state.MappingReasons[:], c.Reason)})
		}
		d.Groups[i].Causes = append(d.Groups[i].Causes, c)
		d.Groups[i].N += int64(c.N)
		d.All += int64(c.N)
	}
	oldest := func(c cause) int64 { return stands(c.First).UnixMilli() }
	for _, g := range d.Groups {
		slices.SortStableFunc(g.Causes, func(x, y cause) int { return cmp.Compare(oldest(x), oldest(y)) })
	}
	slices.SortStableFunc(d.Groups, func(x, y parkedGroup) int { return cmp.Compare(oldest(x.Causes[0]), oldest(y.Causes[0])) })
	a.render(w, r, http.StatusOK, "parked", view{Title: "Parked", Tenant: t, Tab: "parked", Data: d})
	return nil
}
