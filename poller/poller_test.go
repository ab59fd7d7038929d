package poller

import (
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

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

func TestDueLater(t *testing.T) {
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
		later    bool
	}{
		{"never polled", nil, "15m", false},
		{"not yet", map[string]string{fieldNext: at(time.Minute), fieldLast: at(-14 * time.Minute)}, "15m", true},
		{"due", map[string]string{fieldNext: at(-time.Second), fieldLast: at(-15 * time.Minute)}, "15m", false},
		{"asked for", map[string]string{fieldNext: at(time.Hour), state.PollNow: "1"}, "15m", false},
		{"the schedule was shortened", map[string]string{fieldNext: at(10 * time.Minute), fieldLast: at(-5 * time.Minute)}, "2m", false},
		{"cron", map[string]string{fieldNext: at(time.Hour), fieldLast: at(-time.Minute)}, "0 13 * * *", true},
		{"unreadable", map[string]string{fieldNext: "soon"}, "15m", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, later := dueLater(c.wm, every(c.schedule), now); later != c.later {
				t.Errorf("got %v, want %v", later, c.later)
			}
		})
	}
}

// No change is missed when it is committed up to 14 minutes after its stamp,
// over a clock that is set back or forward by an hour in between; a poller
// that reads from the last label on alone misses some.
func TestNothingIsMissed(t *testing.T) {
	type change struct{ stamped, visible time.Duration }
	naiveMissed := 0
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 10, 31, 20, 0, 0, 0, time.UTC)
		shiftAt := time.Duration(rapid.IntRange(0, 12*60).Draw(t, "shift at")) * time.Minute
		shift := time.Duration(rapid.SampledFrom([]int{-1, 0, 1}).Draw(t, "shift")) * time.Hour
		label := func(at time.Duration) string {
			wall := start.Add(at)
			if at >= shiftAt {
				wall = wall.Add(shift)
			}
			return wall.Format(time.DateTime)
		}
		var changes []change
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			at := time.Duration(rapid.IntRange(0, 12*3600).Draw(t, "at")) * time.Second
			changes = append(changes, change{at, at + time.Duration(rapid.IntRange(0, 14*60).Draw(t, "late"))*time.Second})
		}
		every := time.Duration(rapid.IntRange(1, 60).Draw(t, "every")) * time.Minute
		seen, naive := map[int]bool{}, map[int]bool{}
		watermark, last := "", ""
		for now := time.Duration(0); now <= 14*time.Hour; now += every {
			high := ""
			for _, c := range changes {
				if c.visible <= now {
					high = max(high, label(c.stamped))
				}
			}
			since := ""
			if watermark != "" {
				since = before(watermark, overlap)
			}
			for i, c := range changes {
				if c.visible <= now && label(c.stamped) >= since {
					seen[i] = true
				}
				if c.visible <= now && label(c.stamped) > last {
					naive[i] = true
				}
			}
			watermark, last = max(watermark, high), max(last, high)
		}
		for i, c := range changes {
			if !seen[i] {
				t.Fatalf("missed the change stamped %s, visible after %s", label(c.stamped), c.visible)
			}
			if !naive[i] {
				naiveMissed++
			}
		}
	})
	if naiveMissed == 0 {
		t.Error("the naive poller missed nothing: the test proves nothing")
	}
}

// world is a NetSuite with n vendors, a queue and a held lane.
type world struct {
	sim *netsuitetest.Sim
	r   Round
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
	tn.Sync.Types = []string{"vendor", "vendorbill"}
	return &world{sim: sim, r: Round{Tenant: tn, NetSuite: ns, Records: state.New(rdb).Tenant("acme"), Queue: q, Fence: turn.Fence, Now: time.Now()}}
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
		w.sim.PutVendor(netsuitetest.Vendor{ID: int64(1000 + i), CompanyName: "Vendor " + strconv.Itoa(i)})
	}
	res := w.run(t)
	if !res.Polled || res.Seen[netsuite.TypeVendor] != 1200 || res.Marked[netsuite.TypeVendor] != 1200 {
		t.Fatalf("first poll: %+v", res)
	}
	if res = w.run(t); res.Polled {
		t.Errorf("polled again before its time: %+v", res)
	}
	// What was settled as it is in NetSuite is not marked again; a change is.
	ref := queue.Ref{Type: "vendor", ID: "1000"}
	for ch, err := range w.r.NetSuite.Changed(t.Context(), netsuite.TypeVendor, "") {
		if err != nil {
			t.Fatal(err)
		}
		r := queue.Ref{Type: "vendor", ID: ch.ID.String()}
		if err := w.r.Records.SetFacts(t.Context(), w.r.Fence, r, map[string]string{state.FactVersion: ch.ModifiedAt}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.r.Records.RequestPoll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if res = w.run(t); !res.Polled || res.Marked[netsuite.TypeVendor] != 0 {
		t.Errorf("nothing changed: %+v", res)
	}
	w.sim.PutVendor(netsuitetest.Vendor{ID: 1000, CompanyName: "Renamed", Modified: time.Now().Add(2 * time.Second)})
	w.r.Now = w.r.Now.Add(time.Hour)
	if res = w.run(t); res.Marked[netsuite.TypeVendor] != 1 {
		t.Errorf("a change: %+v", res)
	}
	recs, err := w.r.Records.Get(t.Context(), ref)
	if err != nil || recs[0].Want != 2 {
		t.Errorf("want is %d, %v", recs[0].Want, err)
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
