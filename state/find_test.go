package state_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/state"
)

var allTypes = []string{"vendor", "purchaseorder", "itemreceipt", "vendorbill", "vendorcredit"}

// settleAll settles records with their facts, as lanes do.
func settleAll(t *testing.T, rdb redis.UniversalClient, facts map[queue.Ref]map[string]string) {
	t.Helper()
	ctx, q := t.Context(), queue.New(rdb, queue.Options{Lease: 10 * time.Minute})
	var marks []queue.Mark
	for ref := range facts {
		marks = append(marks, queue.Mark{Ref: ref, Source: "poll"})
	}
	for some := range slices.Chunk(marks, 500) {
		if _, err := q.Mark(ctx, "acme", queue.Live, some...); err != nil {
			t.Fatal(err)
		}
	}
	turn, err := q.Claim(ctx, "w")
	if err != nil || turn == nil {
		t.Fatalf("claim: %v, %v", turn, err)
	}
	for left := len(facts); left > 0; {
		got, err := turn.Take(ctx, 500)
		if err != nil || len(got) == 0 {
			t.Fatalf("take: %v, %v", got, err)
		}
		var out []queue.Settlement
		for i := range got {
			st := queue.Completed
			if got[i].ID == "11" {
				st = queue.Parked
			}
			out = append(out, queue.Settlement{Ref: got[i].Ref, Entry: &got[i], State: st, Facts: facts[got[i].Ref]})
		}
		if err := turn.Settle(ctx, out...); err != nil {
			t.Fatal(err)
		}
		left -= len(got)
	}
	if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	ctx, rdb := t.Context(), redistest.Server(t)
	recs := state.New(rdb).Tenant("acme")
	of := func(typ, id string) queue.Ref { return queue.Ref{Type: typ, ID: id} }
	facts := map[queue.Ref]map[string]string{
		of("vendor", "1"):         {state.FactNumber: "Cascade Webbing Co"},
		of("vendor", "2"):         {state.FactNumber: "Åke & Söner AB"},
		of("purchaseorder", "10"): {state.FactNumber: "PO-1042", state.FactParty: "Cascade Webbing Co", state.FactCin7Number: "PO-00412"},
		of("vendorbill", "11"):    {state.FactNumber: "SGI-20140", state.FactParty: "Cascade Webbing Co", state.FactCin7Number: "PO-00412"},
		of("vendorbill", "12"):    {state.FactNumber: "sgi-20140", state.FactParty: "Åke & Söner AB"},
		of("vendorbill", "1042"):  {state.FactNumber: "77", state.FactParty: "Northwind"},
	}
	for i := range 2100 { // more than the index is good for
		facts[of("vendorbill", fmt.Sprint(5000+i))] = map[string]string{state.FactNumber: fmt.Sprintf("BULK/%da", i), state.FactParty: "Bulk Goods Inc"}
	}
	settleAll(t, rdb, facts)
	for _, c := range []struct {
		name  string
		f     state.Filter
		found bool
		want  []string
	}{
		{"a bill number, of two bills", state.Filter{Query: "SGI-20140"}, true, []string{"vendorbill:11", "vendorbill:12"}},
		{"in other letters and spaces", state.Filter{Query: "  sgi-20140 "}, true, []string{"vendorbill:11", "vendorbill:12"}},
		{"its digits alone", state.Filter{Query: "20140"}, true, []string{"vendorbill:11", "vendorbill:12"}},
		{"a PO number and a NetSuite id", state.Filter{Query: "1042"}, true, []string{"purchaseorder:10", "vendorbill:1042"}},
		{"Cin7's number", state.Filter{Query: "PO-00412"}, true, []string{"purchaseorder:10", "vendorbill:11"}},
		{"a vendor", state.Filter{Query: "Cascade Webbing Co"}, true, []string{"purchaseorder:10", "vendor:1", "vendorbill:11"}},
		{"a part of a vendor, from a word on", state.Filter{Query: "webb"}, true, []string{"purchaseorder:10", "vendor:1", "vendorbill:11"}},
		{"a vendor of another alphabet", state.Filter{Query: "SÖNER"}, true, []string{"vendor:2", "vendorbill:12"}},
		{"with a state", state.Filter{Query: "cascade", State: queue.Parked}, true, []string{"vendorbill:11"}},
		{"with a type", state.Filter{Query: "cascade", Type: "vendor"}, true, []string{"vendor:1"}},
		{"with a state that none has", state.Filter{Query: "1042", State: queue.Parked}, true, nil},
		{"one of the many", state.Filter{Query: "BULK/2099a"}, true, []string{"vendorbill:7099"}},
		{"a part of a number", state.Filter{Query: "GI-201"}, false, nil},
		{"too many to be worth it", state.Filter{Query: "bulk goods"}, false, nil},
		{"nothing", state.Filter{Query: "nowhere"}, false, nil},
		{"spaces", state.Filter{Query: "   "}, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f.Limit = 100
			page, found, err := recs.Find(ctx, allTypes, c.f)
			if err != nil || found != c.found {
				t.Fatalf("found %v, %v", found, err)
			}
			var got []string
			for _, rec := range page.Records {
				got = append(got, rec.Ref.String())
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A page after the other shows each record once, and what has another number
// by now is not found by the old one.
func TestFindPages(t *testing.T) {
	ctx, rdb := t.Context(), redistest.Server(t)
	recs := state.New(rdb).Tenant("acme")
	facts := map[queue.Ref]map[string]string{}
	for i := range 25 {
		facts[queue.Ref{Type: "vendorbill", ID: fmt.Sprint(i + 20)}] = map[string]string{state.FactNumber: fmt.Sprintf("B-%d", 100+i), state.FactParty: "Cascade"}
	}
	settleAll(t, rdb, facts)
	seen := map[queue.Ref]int{}
	f := state.Filter{Query: "cascade", Limit: 10}
	for pages := 1; ; pages++ {
		page, found, err := recs.Find(ctx, allTypes, f)
		if err != nil || !found {
			t.Fatalf("found %v, %v", found, err)
		}
		for _, rec := range page.Records {
			seen[rec.Ref]++
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
	}
	for ref, n := range seen {
		if n != 1 {
			t.Errorf("%s is shown %d times", ref, n)
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d records are shown, want 25", len(seen))
	}
	ref := queue.Ref{Type: "vendorbill", ID: "20"}
	settleAll(t, rdb, map[queue.Ref]map[string]string{ref: {state.FactNumber: "C-7"}})
	if _, found, err := recs.Find(ctx, allTypes, state.Filter{Query: "B-100", Limit: 10}); err != nil || found {
		t.Errorf("the old number finds something: %v, %v", found, err)
	}
	if page, _, err := recs.Find(ctx, allTypes, state.Filter{Query: "C-7", Limit: 10}); err != nil || len(page.Records) != 1 {
		t.Errorf("the new number finds %v, %v", page.Records, err)
	}
}
