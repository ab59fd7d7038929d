package reconcile_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// manyBills says, to a second process of this test, how many bills to serve.
const manyBills = "MLC_TEST_SERVE_BILLS"

// wrongBills is how many of the many bills differ: a line of each stands on
// another account.
const wrongBills = 20

// Many bills cost pages of lists and a call for each that differs, not a call
// for each. Both simulators run in a process of their own, so that time and
// memory are those of the tie-out.
func TestManyBills(t *testing.T) {
	if n, err := strconv.Atoi(os.Getenv(manyBills)); err == nil {
		serveBooks(t, n)
		return
	}
	n := soak.N(200, 20_000)
	in := booksElsewhere(t, n)
	run := func(from, to cin7.Date) (r *reconcile.Report, own, took time.Duration, grown soak.Growth) {
		in.From, in.To = from, to
		start, before := time.Now(), cpuTime(t)
		var err error
		grown = soak.Grown(t, func() { r, err = reconcile.Run(t.Context(), in) })
		own, took = cpuTime(t)-before, time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		return r, own, took, grown
	}
	week, _, _, small := run("2026-11-01", "2026-11-07")
	r, own, took, large := run("2026-11-01", "2026-11-30")
	if r.NeedPerson != wrongBills || len(r.Differences) != wrongBills {
		t.Errorf("%d differences, %d of them need a person, want %d", len(r.Differences), r.NeedPerson, wrongBills)
	}
	if most := max(n/100, 10); r.Calls.Lists > most || r.Calls.Documents > wrongBills {
		t.Errorf("%d calls for lists and %d for purchases, want at most %d and %d", r.Calls.Lists, r.Calls.Documents, most, wrongBills)
	}
	if own > time.Minute {
		t.Errorf("took %s of processor time, want less than a minute", own)
	}
	// What is kept of each document grows with them; pages do not. Fewer than a
	// few thousand drown in what a page costs.
	if more := large.Heap - small.Heap; soak.Long() && more > int64(n)*maxBytesABill {
		t.Errorf("the heap grew by %.1f MiB for %d bills, by %.1f MiB for %d: %d bytes a bill more, want %d at most",
			soak.MiB(small.Heap), bills(week), soak.MiB(large.Heap), bills(r), more/int64(n), maxBytesABill)
	}
	soak.Figure(t, "reconcile: bills and credits", "%d, of which %d differ", bills(r), len(r.Differences))
	soak.Figure(t, "reconcile: calls to Cin7", "%d for lists, %d for what differs", r.Calls.Lists, r.Calls.Documents)
	soak.Figure(t, "reconcile: own processor time", "%s", own.Round(time.Millisecond))
	soak.Figure(t, "reconcile: in all, with the answers of both simulators", "%s", took.Round(time.Millisecond))
	soak.Figure(t, "reconcile: heap at its highest", "%.1f MiB with %d bills and credits, %.1f MiB with %d", soak.MiB(small.Heap), bills(week), soak.MiB(large.Heap), bills(r))
}

// maxBytesABill bounds what a bill costs in memory while books are tied out:
// its amounts by account on both sides and its row in the report.
const maxBytesABill = 6 << 10

func bills(r *reconcile.Report) int { return len(r.Documents) }

// cpuTime is what this process has spent on the processor.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// served is what a second process that serves books says of them.
type served struct{ Tenant string } // a tenant file

// servedLine begins the line that says so.
const servedLine = "BOOKS "

// serveBooks serves n bills until nobody listens any more.
func serveBooks(t *testing.T, n int) {
	b := newBooks(t, n)
	for i := range min(wrongBills, n) {
		b.edit(b.docs[i*(n/wrongBills)], func(p *cin7test.Purchase) { p.Groups[0].Invoice.Charges[0].Account = "465" })
	}
	line, err := json.Marshal(served{Tenant: b.file})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(os.Stdout, "%s%s\n", servedLine, line)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
}

// booksElsewhere starts a second process that serves n bills.
func booksElsewhere(t *testing.T, n int) reconcile.Input {
	t.Helper()
	start := time.Now()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestManyBills$", "-test.timeout=30m")
	c.Env, c.Stderr = append(os.Environ(), fmt.Sprintf("%s=%d", manyBills, n)), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	var s served
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for s.Tenant == "" {
		if !lines.Scan() {
			t.Fatal("the process that serves the books ended")
		}
		if text, ok := strings.CutPrefix(lines.Text(), servedLine); ok {
			if err := json.Unmarshal([]byte(text), &s); err != nil {
				t.Fatal(err)
			}
		}
	}
	soak.Figure(t, "reconcile: entering the bills in both simulators", "%s", time.Since(start).Round(time.Millisecond))
	tn, creds, err := tenant.ParseYAML([]byte(s.Tenant), tenant.Options{AllowPrivateEndpoints: true})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := handlers.NetSuiteClient(tn, creds, handlers.Transports{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cc, err := handlers.Cin7Client(tn, creds, handlers.Transports{}, nil, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return reconcile.Input{Tenant: tn, NetSuite: nc, Cin7: cc, Records: state.New(redistest.Embedded(t)).Tenant(tenantID)}
}
