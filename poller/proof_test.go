package poller

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// source is a NetSuite of vendors in virtual time: an HTTP transport that
// answers the poller's statements by the rules of contract 4. An edit is
// stamped at one time and visible from another on; labels are seconds of the
// session's wall clock. Time goes on with each request, so edits are committed
// while a walk is under way.
type source struct {
	zone    *time.Location
	start   time.Time
	now     time.Duration
	tick    func() time.Duration // that a request takes
	records []edited             // by id, from 1 on
	calls   int
	before  func() // each request
}

type edited struct{ versions []version }

type version struct {
	label   string
	visible time.Duration
}

// at is the newest visible version of a record, -1 when there is none.
func (e edited) at(now time.Duration) int {
	for i := len(e.versions) - 1; i >= 0; i-- {
		if e.versions[i].visible <= now {
			return i
		}
	}
	return -1
}

func (s *source) label(at time.Duration) string {
	return s.start.Add(at).In(s.zone).Format(time.DateTime)
}

var (
	sinceForm = regexp.MustCompile(`>= TO_DATE\('([^']+)'`)
	afterForm = regexp.MustCompile(`t\.id > (\d+) ORDER|t\.id > (\d+) AND t\.id <= (\d+) ORDER`)
)

func (s *source) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/token") {
		return answer(`{"access_token":"t","expires_in":3600,"token_type":"bearer"}`), nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var q struct{ Q string }
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	s.calls++
	if s.before != nil {
		s.before()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	s.now += s.tick()
	return s.query(q.Q), nil
}

func answer(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func (s *source) query(q string) *http.Response {
	since := ""
	if m := sinceForm.FindStringSubmatch(q); m != nil {
		since = m[1]
	}
	switch {
	case strings.Contains(q, "FROM deletedrecord"), strings.Contains(q, "FROM contact"):
		return answer(`{"items":[]}`)
	case strings.Contains(q, "MAX(t.lastmodifieddate)"):
		high := ""
		for _, e := range s.records {
			if i := e.at(s.now); i >= 0 {
				high = max(high, e.versions[i].label)
			}
		}
		return answer(`{"items":[{"hw":"` + high + `"}]}`)
	case strings.Contains(q, "datecreated, 'YYYY-MM-DD HH24:MI:SS'"):
		return answer(`{"items":[{"id":"1","createdat":"2020-01-01 00:00:00"}]}`)
	case strings.Contains(q, "SYS_EXTRACT_UTC"):
		return answer(`{"items":[]}`)
	case strings.Contains(q, "COUNT(DISTINCT"):
		many := 0
		for _, e := range s.records {
			if i := e.at(s.now); i >= 0 && e.versions[i].label >= since {
				many++
			}
		}
		return answer(fmt.Sprintf(`{"items":[{"many":"%d","top":"%d"}]}`, many, len(s.records)))
	}
	m := afterForm.FindStringSubmatch(q)
	if m == nil {
		panic("a statement that this source does not know: " + q)
	}
	var after int
	upTo := len(s.records)
	if m[1] != "" {
		after, _ = strconv.Atoi(m[1])
	} else {
		after, _ = strconv.Atoi(m[2])
		upTo, _ = strconv.Atoi(m[3])
	}
	var b strings.Builder
	b.WriteString(`{"items":[`)
	n := 0
	for id := after + 1; id <= min(upTo, len(s.records)) && n < 1000; id++ {
		e := s.records[id-1]
		i := e.at(s.now)
		if i < 0 || e.versions[i].label < since {
			continue
		}
		if n++; n > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`{"id":"`)
		b.WriteString(strconv.Itoa(id))
		b.WriteString(`","modifiedat":"`)
		b.WriteString(e.versions[i].label)
		b.WriteString(`"}`)
	}
	b.WriteString(`]}`)
	return answer(b.String())
}

// crash ends a poll in the middle: at one of its requests, before or after one
// of its scripts.
type crash struct {
	in     int // scripts until it happens, 0 never
	after  bool
	cancel context.CancelFunc
}

// crashing is a Redis hook that does so.
type crashing struct{ c *crash }

func (h crashing) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h crashing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (h crashing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := cmd.Name(); h.c.in == 0 || name != "evalsha" && name != "eval" {
			return next(ctx, cmd)
		}
		if h.c.in--; h.c.in > 0 {
			return next(ctx, cmd)
		}
		if !h.c.after {
			h.c.cancel()
			return ctx.Err()
		}
		err := next(ctx, cmd)
		h.c.cancel()
		return err
	}
}

// zones of the proof: two without summer time, half hours among them, and Lord
// Howe, whose clocks move by half an hour.
var zones = [...]struct {
	name            string
	forward, back   string // UTC dates of the changes in 2026
	forwardH, back_ int
}{
	{"America/Los_Angeles", "2026-03-08", "2026-11-01", 10, 9},
	{"Europe/London", "2026-03-29", "2026-10-25", 1, 1},
	{"Asia/Kolkata", "2026-03-29", "2026-10-25", 1, 1},
	{"America/St_Johns", "2026-03-08", "2026-11-01", 5, 4},
	{"Australia/Adelaide", "2026-10-03", "2026-04-04", 16, 16},
	{"Australia/Lord_Howe", "2026-10-03", "2026-04-04", 15, 15},
}

// outcome is what a run came to.
type outcome struct {
	changes, missed, naive, crashes, rounds, calls int
}

// month lives half a day around a clock change and counts what was missed.
func halfDay(t *testing.T, rdb *redis.Client, c *crash, run, changes int, key string) outcome {
	t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(run), 7))
	z := zones[run%len(zones)]
	zone, err := time.LoadLocation(z.name)
	if err != nil {
		t.Fatal(err)
	}
	day, hour := z.forward, z.forwardH
	if run/len(zones)%2 == 1 {
		day, hour = z.back, z.back_
	}
	shift, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	const lasts = 12 * time.Hour
	s := &source{zone: zone, start: shift.Add(time.Duration(hour)*time.Hour - time.Duration(rnd.Int64N(int64(lasts)))),
		tick: func() time.Duration { return time.Duration(rnd.Int64N(int64(20 * time.Second))) }}
	s.records = edits(s, rnd, changes, lasts)
	tn := &tenant.Tenant{Document: tenant.Document{ID: fmt.Sprint("t", run)}}
	tn.Sync.Types = []string{"vendor"}
	no := false
	tn.Poll.Subscriptions = &no
	ns, err := netsuite.New(netsuite.Config{AccountID: "1234567", ClientID: "client", CertificateID: "cert", PrivateKeyPEM: secret.New(key), Transport: s, Now: func() time.Time { return s.start.Add(s.now) }})
	if err != nil {
		t.Fatal(err)
	}
	q := queue.New(rdb, queue.Options{Lease: time.Hour})
	if err := q.Wake(t.Context(), tn.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	turn, err := q.Claim(t.Context(), "w")
	if err != nil || turn == nil {
		t.Fatalf("claim: %v, %v", turn, err)
	}
	r := Round{Tenant: tn, NetSuite: ns, Records: state.New(rdb).Tenant(tn.ID), Queue: q, Fence: turn.Fence}
	// In half of the runs the wide look never comes: the narrow one must do alone.
	if run%2 == 0 {
		if err := r.Records.SetWatermarks(t.Context(), r.Fence, map[string]string{fieldWide: s.start.Add(1000 * time.Hour).Format(time.RFC3339)}); err != nil {
			t.Fatal(err)
		}
	}
	out := outcome{changes: changes}
	every := []time.Duration{2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 40 * time.Minute}[rnd.IntN(4)]
	applied := make([]int, len(s.records))
	naive := make([]int, len(s.records))
	for i := range applied {
		applied[i], naive[i] = -1, -1
	}
	last := ""
	for s.now < lasts+2*time.Hour {
		// The control: strictly later than the latest seen.
		high := last
		for i, e := range s.records {
			if v := e.at(s.now); v >= 0 && e.versions[v].label > last {
				naive[i], high = v, max(high, e.versions[v].label)
			}
		}
		last = high
		ctx, cancel := context.WithCancel(t.Context())
		s.before = nil
		if rnd.IntN(4) == 0 {
			out.crashes++
			c.cancel = cancel
			switch n := 1 + rnd.IntN(5); rnd.IntN(3) {
			case 0:
				s.before = func() {
					if n--; n == 0 {
						cancel()
					}
				}
			case 1:
				c.in, c.after = n, false
			case 2:
				c.in, c.after = n, true
			}
		}
		if err := r.Records.RequestPoll(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.Now = s.start.Add(s.now)
		_, err := Run(ctx, r)
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		c.in = 0
		cancel()
		out.rounds++
		work(t, turn, s, applied)
		s.now += every
	}
	out.calls = s.calls
	for i, e := range s.records {
		if len(e.versions)-1 != applied[i] {
			t.Logf("run %d: record %d has %v, applied %d; polled every %s", run, i+1, e.versions, applied[i], every)
		}
		out.missed += len(e.versions) - 1 - applied[i]
		out.naive += len(e.versions) - 1 - naive[i]
	}
	if err := turn.Release(t.Context(), time.Time{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := q.Forget(t.Context(), tn.ID); err != nil {
		t.Fatal(err)
	}
	return out
}

// edits makes changes: spread and in bursts of one second, new records and
// known ones, a third of them committed up to 10 minutes after their stamp. A
// record that is being edited is locked until that is committed.
func edits(s *source, rnd *rand.Rand, changes int, lasts time.Duration) []edited {
	var records []edited
	free := []time.Duration{} // when each is unlocked
	var times []time.Duration
	for len(times) < changes {
		at := time.Duration(rnd.Int64N(int64(lasts)))
		n := 1
		if rnd.IntN(50) == 0 {
			n = 30 // a burst
		}
		for range n {
			times = append(times, at)
		}
	}
	times = times[:changes]
	slices.Sort(times)
	for _, at := range times {
		v := version{label: s.label(at), visible: at}
		if rnd.IntN(3) == 0 {
			v.visible += time.Duration(rnd.Int64N(int64(10 * time.Minute)))
		}
		i := len(records)
		if i > 0 && rnd.IntN(2) == 0 {
			if k := rnd.IntN(i); free[k] <= at {
				i = k
			}
		}
		if i == len(records) {
			records, free = append(records, edited{}), append(free, 0)
		}
		records[i].versions, free[i] = append(records[i].versions, v), v.visible
	}
	return records
}

// work does what a worker does: it reads each marked record as it is now.
func work(t *testing.T, turn *queue.Turn, s *source, applied []int) {
	t.Helper()
	for {
		entries, err := turn.Take(t.Context(), 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return
		}
		for i := range entries {
			id, err := strconv.Atoi(entries[i].ID)
			if err != nil {
				t.Fatal(err)
			}
			v := s.records[id-1].at(s.now)
			applied[id-1] = max(applied[id-1], v)
			if err := turn.Settle(t.Context(), queue.Settlement{Ref: entries[i].Ref, Entry: &entries[i], State: queue.Completed, Facts: map[string]string{state.FactVersion: s.records[id-1].versions[v].label}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// No change is missed over both clock changes in six zones, with late commits,
// bursts, edits while paging and deaths at every step. The control, which
// reads from the latest label on, misses some.
func TestNothingIsMissed(t *testing.T) {
	changes := soak.N(300, 2500)
	runs := soak.N(12, 400)
	key, _, err := netsuitetest.GenerateKey("p256")
	if err != nil {
		t.Fatal(err)
	}
	var all outcome
	var mu sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(2, runtime.NumCPU()) {
		wg.Add(1)
		// A server of its own, because claiming takes whatever lane is due.
		p := redistest.Start(t, "--appendonly", "no")
		c := &crash{}
		rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: p.Socket, ContextTimeoutEnabled: true, MaxRetries: -1,
			ReadTimeout: time.Minute, WriteTimeout: time.Minute}) // a loaded machine is no fault of the poller
		rdb.AddHook(crashing{c})
		go func() {
			defer wg.Done()
			defer func() { _ = rdb.Close() }()
			for {
				run := int(next.Add(1)) - 1
				if run >= runs || t.Failed() {
					return
				}
				o := halfDay(t, rdb, c, run, changes, string(key))
				if o.missed > 0 {
					t.Errorf("run %d in %s: %d of %d changes were missed", run, zones[run%len(zones)].name, o.missed, o.changes)
				}
				mu.Lock()
				all.changes += o.changes
				all.missed += o.missed
				all.naive += o.naive
				all.crashes += o.crashes
				all.rounds += o.rounds
				all.calls += o.calls
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	soak.Figure(t, "changes missed", "%s; the control that reads from the latest label on missed %d", soak.NoneOf(all.changes), all.naive)
	soak.Figure(t, "polls", "%d, of which %d were killed in the middle; %d requests", all.rounds, all.crashes, all.calls)
	if all.naive == 0 {
		t.Error("the control missed nothing: the test proves nothing")
	}
}

// 250,000 rows of one second are all found: in ranges of ids, by keyset.
func TestQuarterMillionOfOneSecond(t *testing.T) {
	n := soak.N(101_500, 250_000)
	key, _, err := netsuitetest.GenerateKey("p256")
	if err != nil {
		t.Fatal(err)
	}
	s := &source{zone: time.UTC, start: start, now: time.Hour, tick: func() time.Duration { return 0 }}
	s.records = make([]edited, n)
	one := []version{{label: s.label(0)}}
	for i := range s.records {
		s.records[i].versions = one
	}
	ns, err := netsuite.New(netsuite.Config{AccountID: "1234567", ClientID: "client", CertificateID: "cert", PrivateKeyPEM: secret.New(string(key)), Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	found, pages := map[netsuite.ID]bool{}, 0
	for page, err := range ns.Scan(t.Context(), netsuite.Scan{Types: []netsuite.RecordType{netsuite.TypeVendor}, Since: s.label(0)}) {
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, c := range page {
			if found[c.ID] {
				t.Fatalf("id %d came twice", c.ID)
			}
			found[c.ID] = true
		}
	}
	if len(found) != n {
		t.Errorf("found %d of %d", len(found), n)
	}
	soak.Figure(t, "rows of one second", "%d of %d found in %d pages, %d requests", len(found), n, pages, s.calls)
}
