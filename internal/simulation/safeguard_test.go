package simulation_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/simulation"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// Each test here holds one safeguard of the write protocol: TestProtocolMutants
// in handlers takes the safeguard away and requires that its test turns red.

var order = queue.Ref{Type: "purchaseorder", ID: "4002"}

// world starts a world in which one vendor and one order have been marked.
func world(t *testing.T, o simulation.Options, spoil func(w *simulation.World)) *simulation.World {
	t.Helper()
	if o.Edit == nil {
		o.Edit = pollNever
	}
	if o.Idle == 0 {
		o.Idle = 2 * time.Minute
	}
	w := simulation.New(t, o)
	if spoil != nil {
		spoil(w)
	}
	w.Start()
	w.Apply()
	mark(t, w, "vendor", "301", "purchaseorder", "4002")
	return w
}

// mark enters records of the month and marks them.
func mark(t *testing.T, w *simulation.World, names ...string) {
	t.Helper()
	var refs []queue.Ref
	for i := 0; i+1 < len(names); i += 2 {
		refs = append(refs, queue.Ref{Type: names[i], ID: names[i+1]})
		for _, e := range w.Events() {
			if e.Type == names[i] && refs[len(refs)-1].ID == itoa(e.ID) {
				e.Put()
			}
		}
	}
	if err := simulation.Mark(t.Context(), w.Rooms, refs); err != nil {
		t.Fatal(err)
	}
}

// days leaves a test that lets days pass to the long form: a service that beats
// every few seconds makes a minute of them.
func days(t *testing.T) {
	t.Helper()
	if !soak.Long() {
		t.Skip("days of virtual time: run by make soak")
	}
}

func itoa(n int64) string { return decimal.NewFromInt(n).String() }

// once checks that Cin7 holds one purchase, and how many drafts were voided.
func once(t *testing.T, w *simulation.World, strays int) {
	t.Helper()
	twice, got := simulation.Twice(w.Cin7)
	made := len(w.Cin7.Purchases())
	if len(twice) > 0 || made != 1+strays || got != strays {
		t.Errorf("%v, %d purchases, %d of them voided drafts, want 1 besides %d\n%s", twice, made, got, strays, w.Log(30))
	}
}

// A create that lands late, within the quarantine, is waited for, however often
// its record is marked meanwhile.
func TestLateCreateIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(t, simulation.Options{Idle: 5 * time.Second}, func(w *simulation.World) {
			w.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=advanced-purchase", Shape: "timeout", When: "late", Delay: 200 * time.Second})
		})
		for range 20 {
			time.Sleep(20 * time.Second) //nolint:forbidigo // virtual
			mark(t, w, "purchaseorder", "4002")
		}
		rest(t, w)
		once(t, w, 0)
	})
}

// One that lands after every quarantine costs an empty draft, which is voided;
// what counts happens once.
func TestVeryLateCreateIsVoided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(t, simulation.Options{}, func(w *simulation.World) {
			w.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=advanced-purchase", Shape: "timeout", When: "late", Delay: 2 * time.Hour})
		})
		rest(t, w)
		time.Sleep(3 * time.Hour) //nolint:forbidigo // virtual
		mark(t, w, "vendorbill", "6002", "itemreceipt", "5002")
		rest(t, w)
		once(t, w, 1)
	})
}

// Cin7's lists may lag behind its creates: one look-up that finds nothing
// proves nothing.
func TestListsThatLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The lane looks as soon as it may, and the list shows the create only when
		// it looks for the second time.
		w := world(t, simulation.Options{Idle: 5 * time.Second, Distributor: distributor.Options{Cin7: cin7test.Options{IndexLag: 220 * time.Second}}}, func(w *simulation.World) {
			w.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=advanced-purchase", Shape: "close", When: "after"})
		})
		rest(t, w)
		once(t, w, 0)
	})
}

// What Redis has forgotten is found in Cin7.
func TestForgottenPurchaseIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(t, simulation.Options{}, nil)
		rest(t, w)
		writes := w.Cin7.Writes()
		w.Redis.FlushAll()
		time.Sleep(2 * time.Hour) //nolint:forbidigo // virtual
		w.Apply()
		rest(t, w)
		once(t, w, 0)
		if n := w.Cin7.Writes() - writes; n != 0 {
			t.Errorf("%d writes after the loss of Redis", n)
		}
	})
}

// A draft that Cin7 keeps otherwise than it answered is not authorised.
func TestDraftIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c7 *cin7test.Sim
		spoil := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a := httptest.NewRecorder()
				next.ServeHTTP(a, r)
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/advanced-purchase/invoice") {
					for _, p := range c7.Purchases() {
						c7.EditPurchase(p.ID, func(p *cin7test.Purchase) {
							if l := p.Groups[0].Invoice.Lines; p.Groups[0].Invoice.Status == cin7test.Draft && len(l) > 0 {
								l[0].Price, l[0].Total = decimal.NewFromInt(9), decimal.NewFromInt(900)
							}
						})
					}
				}
				for k, v := range a.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(a.Code)
				_, _ = w.Write(a.Body.Bytes())
			})
		}
		w := world(t, simulation.Options{Cin7: spoil}, func(w *simulation.World) { c7 = w.Cin7 })
		rest(t, w)
		mark(t, w, "vendorbill", "6002")
		rest(t, w)
		for _, e := range w.Cin7.Journal() {
			if e.Kind == "invoice_authorised" {
				t.Errorf("an invoice of %s was authorised that no read had shown to be right", e.Total)
			}
		}
	})
}

// Once a day the lane looks for drafts that a lost create left behind. One that
// somebody has filled is left alone.
func TestSweepVoidsStrayDrafts(t *testing.T) {
	days(t)
	synctest.Test(t, func(t *testing.T) {
		w := world(t, simulation.Options{Edit: []string{"every: 30s", "every: 8h"}, Idle: 15 * time.Minute}, nil)
		rest(t, w)
		first := w.Cin7.Purchases()[0]
		bare := cin7test.Purchase{SupplierID: first.SupplierID, Approach: first.Approach, Location: first.Location, Note: first.Note,
			Order: cin7test.Order{Status: cin7test.Draft}, Groups: []cin7test.Group{{}}}
		filled := bare
		filled.Order.Lines = first.Order.Lines
		w.Cin7.PutPurchase(bare)
		w.Cin7.PutPurchase(filled)
		time.Sleep(48 * time.Hour) //nolint:forbidigo // virtual
		all := w.Cin7.Purchases()
		if all[0].Voided || !all[1].Voided || all[2].Voided {
			t.Errorf("voided: ours %v, the bare draft %v, the filled one %v\n%s", all[0].Voided, all[1].Voided, all[2].Voided, w.Log(20))
		}
	})
}

// While nobody can look, nobody guesses: after a day a person is asked, and a
// retry looks again.
func TestOutcomeNobodyCanLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(t, simulation.Options{Idle: 15 * time.Minute}, func(w *simulation.World) {
			w.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=advanced-purchase", Shape: "close", When: "after"})
		})
		// Looked for more often than Await does: the intent stands for a few minutes.
		for began := time.Now(); w.Get(order).Intent == nil; time.Sleep(30 * time.Second) { //nolint:forbidigo // virtual
			if time.Since(began) > 4*time.Hour {
				t.Fatalf("the create has not been sent\n%s", w.Log(15))
			}
		}
		w.Cin7.FailNext(cin7test.Fault{Method: http.MethodGet, Path: "=purchaselist", Shape: "502", Times: -1})
		w.Await(40*time.Hour, func() []string {
			if r := w.Get(order); r.State != queue.Parked || r.Reason != handlers.ParkOutcomeUnknown {
				return []string{string(r.State) + " " + r.Reason + " " + r.Message}
			}
			return nil
		})
		w.Cin7.ClearFaults()
		if _, err := w.Rooms.States.Tenant(simulation.Tenant).Retry(t.Context(), w.Rooms.Queue, state.Filter{State: queue.Parked}, "", false); err != nil {
			t.Fatal(err)
		}
		rest(t, w)
		once(t, w, 0)
	})
}

// A record that fails by itself is tried for three days, and then it is a
// person's; its neighbours go on.
func TestFailingForThreeDays(t *testing.T) {
	days(t)
	synctest.Test(t, func(t *testing.T) {
		w := world(t, simulation.Options{Idle: 15 * time.Minute}, func(w *simulation.World) {
			w.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=purchase/order", Shape: "500", Times: -1})
		})
		start := time.Now()
		w.Await(90*time.Hour, func() []string {
			if r := w.Get(order); r.State != queue.Parked || r.Reason != handlers.ParkStillFailing {
				return []string{string(r.State) + " " + r.Reason + " " + r.Message}
			}
			return nil
		})
		if took := time.Since(start); took < 71*time.Hour {
			t.Errorf("parked after %s, want three days", took)
		}
		if r := w.Get(queue.Ref{Type: "vendor", ID: "301"}); r.State != queue.Completed {
			t.Errorf("the vendor is %s", r.State)
		}
	})
}

// Cin7 down, over its limit, or refusing the key is nobody's failure: no record
// spends an attempt, and all goes on by itself.
func TestTroubleOfTheWholeTenant(t *testing.T) {
	for _, shape := range []string{"502", "503", "limit", "403"} {
		t.Run(shape, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := world(t, simulation.Options{}, func(w *simulation.World) {
					w.Cin7.FailNext(cin7test.Fault{Shape: shape, Times: -1, Skip: 12})
				})
				time.Sleep(2 * time.Hour) //nolint:forbidigo // virtual
				calls := len(w.Cin7.Calls())
				if shape == "403" && calls > 12+2*60/5+2 {
					t.Errorf("%d calls in two hours of a refused key", calls)
				}
				w.Cin7.ClearFaults()
				rest(t, w)
				once(t, w, 0)
				for _, r := range []queue.Ref{order, {Type: "vendor", ID: "301"}} {
					if rec := w.Get(r); rec.State != queue.Completed || rec.Attempts != 0 {
						t.Errorf("%s is %s after %d attempts", r, rec.State, rec.Attempts)
					}
				}
			})
		})
	}
}

// A tenant with hardly any calls a minute comes to the end of its month too,
// later, and within its calls.
func TestFewCallsAMinute(t *testing.T) {
	for _, perMinute := range []int{1, 10} {
		t.Run(fmt.Sprint(perMinute), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := simulation.New(t, simulation.Options{Idle: 20 * time.Second, Beat: time.Minute,
					Edit: []string{"every: 30s", "every: 6h", "calls_per_minute: 6000", fmt.Sprint("calls_per_minute: ", perMinute)}})
				w.TellPast()
				w.TellLive()
				w.Start()
				w.Apply()
				w.Await(time.Duration(24/perMinute+2)*time.Hour, w.Settled)
				if n := most(w.Cin7.Calls()); n > perMinute {
					t.Errorf("%d calls in a minute, want at most %d", n, perMinute)
				}
			})
		})
	}
}

// most are the calls of the fullest minute.
func most(calls []cin7test.Call) int {
	out, first := 0, 0
	for i, c := range calls {
		for c.At.Sub(calls[first].At) >= time.Minute {
			first++
		}
		out = max(out, i-first+1)
	}
	return out
}

// A call that opens a group for a receipt, and lands hours after everybody gave
// it up, leaves a draft without effect: the goods are received once, and what
// comes later still goes in.
func TestVeryLateReceiptIsADraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s simulation.Scenario
		for _, s = range simulation.Scenarios {
			if s.Name == "a receipt that changed" {
				break
			}
		}
		w := simulation.New(t, simulation.Options{Approach: s.Approach, Edit: append(s.Edit, pollNever...), Idle: 2 * time.Minute})
		w.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=advanced-purchase/stock", Contains: `"Quantity":90`, Shape: "timeout", When: "late", Delay: 2 * time.Hour})
		w.Start()
		w.Apply()
		for _, part := range s.Parts {
			if err := simulation.Mark(t.Context(), w.Rooms, part(w.World)); err != nil {
				t.Fatal(err)
			}
			rest(t, w)
		}
		if n := w.Cin7.ClearFaults(); n > 0 {
			t.Fatal("no call opened a group")
		}
		time.Sleep(3 * time.Hour) //nolint:forbidigo // virtual
		goods := func() (webbing decimal.Decimal, drafts int) {
			for _, g := range w.Cin7.Purchases()[0].Groups {
				if g.Stock.Status == cin7test.Draft {
					drafts++
				}
				for _, l := range g.PutAway.Lines {
					if g.PutAway.Status == cin7test.Authorised && l.SKU == "WEB-25-BLK" {
						webbing = webbing.Add(l.Quantity)
					}
				}
			}
			return webbing, drafts
		}
		if got, drafts := goods(); !got.Equal(decimal.NewFromInt(90)) || drafts != 1 {
			t.Errorf("%s received and %d drafts, want 90 once and the late one as a draft\n%s", got, drafts, w.Log(30))
		}
		w.NetSuite.PutReceipt(netsuitetest.Receipt{ID: 5201, Number: "IR5201", PO: 4001, Date: "2026-11-12", Lines: []netsuitetest.ReceiptLine{{POLine: 1, Quantity: "10"}}})
		if err := simulation.Mark(t.Context(), w.Rooms, []queue.Ref{{Type: "itemreceipt", ID: "5201"}}); err != nil {
			t.Fatal(err)
		}
		rest(t, w)
		if got, _ := goods(); !got.Equal(decimal.NewFromInt(100)) {
			t.Errorf("%s received after one more came, want 100\n%s", got, w.Log(30))
		}
		if twice, _ := simulation.Twice(w.Cin7); len(twice) > 0 {
			t.Error(twice)
		}
	})
}
