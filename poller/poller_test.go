package poller

import (
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

func TestBefore(t *testing.T) {
	cases := []struct{ name, label, want string }{
		{"within a day", "2026-11-24 12:00:00", "2026-11-24 10:45:00"},
		{"over midnight", "2026-03-01 00:30:00", "2026-02-28 23:15:00"},
		{"an hour that the clock jumps over", "2026-03-08 03:15:00", "2026-03-08 02:00:00"},
		{"unreadable reads everything", "11/24/2026", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := before(c.label, overlap); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDue(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	every := func(s string) func(time.Time) time.Time {
		f, err := tenant.ParseSchedule(s)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	cases := []struct {
		name     string
		wm       map[string]string
		schedule string
		silent   time.Time
		why      string
		next     time.Duration
	}{
		{"never polled", nil, "15m", time.Time{}, "first sight", 0},
		{"not yet", map[string]string{fieldNext: at(time.Minute), fieldLast: at(-14 * time.Minute)}, "15m", time.Time{}, "", time.Minute},
		{"due", map[string]string{fieldNext: at(-time.Second), fieldLast: at(-15 * time.Minute)}, "15m", time.Time{}, "schedule", 0},
		{"asked for", map[string]string{fieldNext: at(time.Hour), state.PollNow: "1"}, "15m", time.Time{}, "asked for", 0},
		{"the schedule was shortened", map[string]string{fieldNext: at(10 * time.Minute), fieldLast: at(-5 * time.Minute)}, "2m", time.Time{}, "schedule", 0},
		{"cron", map[string]string{fieldNext: at(time.Hour), fieldLast: at(-time.Minute)}, "0 13 * * *", time.Time{}, "", time.Hour},
		{"unreadable", map[string]string{fieldNext: "soon"}, "15m", time.Time{}, "first sight", 0},
		{"webhooks fell silent", map[string]string{fieldNext: at(10 * time.Minute), fieldLast: at(-5 * time.Minute)}, "15m", now.Add(-time.Minute), "webhooks fell silent", 0},
		{"silence was looked into", map[string]string{fieldNext: at(10 * time.Minute), fieldLast: at(-5 * time.Minute)}, "15m", now.Add(-6 * time.Minute), "", 10 * time.Minute},
		{"silence would be next", map[string]string{fieldNext: at(10 * time.Minute), fieldLast: at(-5 * time.Minute)}, "15m", now.Add(time.Minute), "", time.Minute},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			why, next := due(c.wm, every(c.schedule), c.silent, now)
			if why != c.why || why == "" && next.Sub(now) != c.next {
				t.Errorf("got %q, %s, want %q, %s", why, next.Sub(now), c.why, c.next)
			}
		})
	}
}

func TestSilence(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	hooks := func(verdict string, ago ...time.Duration) []state.Hook {
		var out []state.Hook
		for _, d := range ago {
			out = append(out, state.Hook{At: now.Add(-d), Verdict: verdict})
		}
		return out
	}
	m := time.Minute
	cases := []struct {
		name  string
		hooks []state.Hook
		want  time.Duration // from the last webhook; 0: cannot be told
	}{
		{"none", nil, 0},
		{"too few", hooks("accepted", m, 2*m), 0},
		{"frequent: at least 10 minutes", hooks("accepted", m, 2*m, 3*m, 4*m, 5*m, 6*m), 10 * m},
		{"each half hour: three times that", hooks("accepted", m, 31*m, 61*m, 91*m, 121*m, 151*m), 90 * m},
		{"each day: at most 6 hours", hooks("accepted", m, 1440*m, 2880*m, 4320*m, 5760*m), 6 * time.Hour},
		{"refused ones do not count", hooks("refused", m, 2*m, 3*m, 4*m, 5*m, 6*m), 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			last, from := silence(c.hooks)
			if got := from.Sub(last); !from.IsZero() && got != c.want || from.IsZero() != (c.want == 0) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// world is a NetSuite with n vendors, a queue and a held lane.
type world struct {
	sim  *netsuitetest.Sim
	turn *queue.Turn
	r    Round
}

func newWorld(t *testing.T, o netsuitetest.Options) *world {
	t.Helper()
	sim, err := netsuitetest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	key, public, err := netsuitetest.GenerateKey("p256")
	if err != nil {
		t.Fatal(err)
	}
	sim.RegisterCertificate("client", "cert", public)
	ns, err := netsuite.New(netsuite.Config{AccountID: "1234567_SB1", BaseURL: srv.URL, ClientID: "client", CertificateID: "cert", PrivateKeyPEM: secret.New(string(key)), Now: o.Now})
	if err != nil {
		t.Fatal(err)
	}
	rdb := redistest.Embedded(t)
	q := queue.New(rdb, queue.Options{Lease: time.Hour})
	if err := q.Wake(t.Context(), "acme", time.Time{}); err != nil {
		t.Fatal(err)
	}
	turn, err := q.Claim(t.Context(), "w")
	if err != nil || turn == nil {
		t.Fatalf("claim: %v, %v", turn, err)
	}
	tn := &tenant.Tenant{Document: tenant.Document{ID: "acme"}}
	tn.Sync.Types = []string{"vendor", "purchaseorder", "itemreceipt", "vendorbill", "vendorcredit"}
	return &world{sim: sim, turn: turn, r: Round{Tenant: tn, NetSuite: ns, Records: state.New(rdb).Tenant("acme"), Queue: q, Fence: turn.Fence, Now: time.Now()}}
}

// settleAll does what handlers do: each marked record is read as it is now,
// and settled with the version that it has. It returns what was marked.
func (w *world) settleAll(t *testing.T) map[queue.Ref]string {
	t.Helper()
	versions := map[queue.Ref]string{}
	for _, types := range families {
		for page, err := range w.r.NetSuite.Scan(t.Context(), netsuite.Scan{Types: types}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, ch := range page {
				versions[queue.Ref{Type: string(ch.Type), ID: ch.ID.String()}] = ch.ModifiedAt
			}
		}
	}
	notes := map[queue.Ref]string{}
	for {
		entries, err := w.turn.Take(t.Context(), 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return notes
		}
		for i := range entries {
			e := &entries[i]
			notes[e.Ref] = e.Note
			if err := w.turn.Settle(t.Context(), queue.Settlement{Ref: e.Ref, Entry: e, State: queue.Completed, Facts: map[string]string{state.FactVersion: versions[e.Ref]}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// poll asks for a poll at a time and runs it to its end.
func (w *world) poll(t *testing.T, now time.Time) Result {
	t.Helper()
	if err := w.r.Records.RequestPoll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.r.Now = now
	all := Result{Marked: map[netsuite.RecordType]int{}, Seen: map[netsuite.RecordType]int{}}
	for {
		res := w.run(t)
		all.Deleted += res.Deleted
		for ty := range res.Seen {
			all.Marked[ty] += res.Marked[ty]
			all.Seen[ty] += res.Seen[ty]
		}
		if res.Open == 0 {
			return all
		}
	}
}

func (w *world) coverage(t *testing.T) map[string]Coverage {
	t.Helper()
	all, err := CoverageOf(t.Context(), w.r.Tenant, w.r.Records, w.r.Now)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Coverage{}
	for _, c := range all {
		out[c.Type] = c
	}
	return out
}

func (w *world) run(t *testing.T) Result {
	t.Helper()
	res, err := Run(t.Context(), w.r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestRun(t *testing.T) {
	w := newWorld(t, netsuitetest.Options{})
	for i := range 1200 { // more than a page
		w.sim.PutVendor(netsuitetest.Vendor{ID: int64(1000 + i), CompanyName: "Vendor " + strconv.Itoa(i), Modified: time.Now().Add(-3 * time.Hour)})
	}
	w.sim.PutVendor(netsuitetest.Vendor{ID: 5000, CompanyName: "The last"})
	res := w.run(t)
	if !res.Polled || res.Seen[netsuite.TypeVendor] != 1201 || res.Marked[netsuite.TypeVendor] != 1201 {
		t.Fatalf("first poll: %+v", res)
	}
	if res = w.run(t); res.Polled {
		t.Errorf("polled again before its time: %+v", res)
	}
	// What was settled as it is in NetSuite is not marked again; a change is.
	ref := queue.Ref{Type: "vendor", ID: "1000"}
	w.settleAll(t)
	if err := w.r.Records.RequestPoll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if res = w.run(t); !res.Polled || res.Marked[netsuite.TypeVendor] != 0 {
		t.Errorf("nothing changed: %+v", res)
	}
	w.sim.PutVendor(netsuitetest.Vendor{ID: 1000, CompanyName: "Renamed", Modified: time.Now().Add(2 * time.Second)})
	w.r.Now = w.r.Now.Add(time.Hour)
	// The one that was the latest is looked at once more: its second had not ended.
	if res = w.run(t); res.Marked[netsuite.TypeVendor] != 2 {
		t.Errorf("a change: %+v", res)
	}
	recs, err := w.r.Records.Get(t.Context(), ref)
	if err != nil || recs[0].Want != 2 {
		t.Errorf("want is %d, %v", recs[0].Want, err)
	}
}

// A poll that is asked for while another is under way comes after it: what it is
// about may be entered behind the place where the other one reads.
func TestPollAskedForWhileOneIsUnderWay(t *testing.T) {
	var w *world
	asks := 0
	w = newWorld(t, netsuitetest.Options{Now: func() time.Time {
		if asks > 0 { // NetSuite is being asked
			asks--
			if err := w.r.Records.RequestPoll(t.Context()); err != nil {
				t.Error(err)
			}
		}
		return time.Now()
	}})
	for i, polled := range []bool{true, false} {
		if res := w.run(t); res.Polled != polled {
			t.Errorf("turn %d: polled %v, want %v", i, res.Polled, polled)
		}
	}
	if err := w.r.Records.RequestPoll(t.Context()); err != nil {
		t.Fatal(err)
	}
	asks = 1
	for i, polled := range []bool{true, true, false} {
		if res := w.run(t); res.Polled != polled {
			t.Errorf("after two requests, turn %d: polled %v, want %v", i, res.Polled, polled)
		}
	}
	if asks != 0 {
		t.Error("nobody asked while a poll was under way")
	}
}

// A type that NetSuite hides does not keep the others from being polled, and
// is named.
func TestHiddenTypeIsNamed(t *testing.T) {
	w := newWorld(t, netsuitetest.Options{HideTables: []string{"transaction"}})
	w.sim.PutVendor(netsuitetest.Vendor{ID: 1000, CompanyName: "A"})
	res, err := Run(t.Context(), w.r)
	if err == nil || res.Marked[netsuite.TypeVendor] != 1 {
		t.Fatalf("got %+v, %v", res, err)
	}
	wm, werr := w.r.Records.Watermarks(t.Context())
	if werr != nil || wm[fieldWatermark(netsuite.TypeVendor)] == "" || wm[fieldWatermark(netsuite.TypeVendorBill)] != "" {
		t.Errorf("watermarks: %v, %v", wm, werr)
	}
	if !res.Next.Before(w.r.Now.Add(2 * time.Minute)) {
		t.Errorf("after an error the next poll is %s away", res.Next.Sub(w.r.Now))
	}
}

// A poll that fails in the middle moves no watermark.
func TestFailedPollMovesNothing(t *testing.T) {
	w := newWorld(t, netsuitetest.Options{})
	w.sim.PutVendor(netsuitetest.Vendor{ID: 1000, CompanyName: "A"})
	w.sim.FailNext(netsuitetest.Fault{Match: "v.id >", Status: 400})
	w.sim.FailNext(netsuitetest.Fault{Match: "t.id >", Status: 400})
	if _, err := Run(t.Context(), w.r); err == nil {
		t.Fatal("the fault did not strike")
	}
	wm, err := w.r.Records.Watermarks(t.Context())
	if err != nil || wm[fieldWatermark(netsuite.TypeVendor)] != "" {
		t.Errorf("watermarks: %v, %v", wm, err)
	}
}
