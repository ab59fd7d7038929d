package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
)

// desktop is an operator's command line before an installation whose worker
// does not run: the test polls in its place.
type desktop struct {
	t     *testing.T
	world *distributor.World
	env   []string
}

const company = "cascade"

func newDesktop(t *testing.T, o distributor.Options) *desktop {
	t.Helper()
	world, err := distributor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.NetSuite.Close() })
	ns, c7 := httptest.NewServer(world.NetSuite), httptest.NewServer(world.Cin7)
	t.Cleanup(ns.Close)
	t.Cleanup(c7.Close)
	dir := t.TempDir()
	file := filepath.Join(dir, "tenant.yaml")
	if err := os.WriteFile(file, []byte(world.Tenant(company, ns.URL, c7.URL, "INVOICE")), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &desktop{t, world, []string{"MLC_REDIS_URL=redis://" + miniredis.RunT(t).Addr(), "MLC_KEYSET_FILE=" + filepath.Join(dir, "keyset.json"), "MLC_ALLOW_PRIVATE_ENDPOINTS=true"}}
	d.says(0, "", "keys", "init")
	d.says(0, "version 1", "tenant", "apply", "--no-ping", "-f", file)
	return d
}

// says runs a command line and wants an exit code and a text in what it says.
func (d *desktop) says(code int, text string, args ...string) string {
	d.t.Helper()
	var out, errs bytes.Buffer
	got := run(d.t.Context(), args, d.env, &out, &errs)
	if all := out.String() + errs.String(); got != code || !strings.Contains(all, text) {
		d.t.Errorf("ml-connector %s: exit code %d, want %d and %q in\n%s", strings.Join(args, " "), got, code, text, all)
	}
	return out.String()
}

// poll does what the worker does at the start of a turn.
func (d *desktop) poll() {
	d.t.Helper()
	c, err := service.Load("", d.env)
	if err != nil {
		d.t.Fatal(err)
	}
	rooms, _, closing, err := service.Open(d.t.Context(), c, service.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer closing()
	tn, err := rooms.Tenants.Get(d.t.Context(), company)
	if err != nil {
		d.t.Fatal(err)
	}
	creds, err := rooms.Tenants.Open(d.t.Context(), tn)
	if err != nil {
		d.t.Fatal(err)
	}
	ns, err := handlers.NetSuiteClient(tn, creds, service.Transports(c), nil, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := rooms.Queue.Wake(d.t.Context(), company, time.Time{}); err != nil {
		d.t.Fatal(err)
	}
	var lane *queue.Turn
	for end := time.Now().Add(30 * time.Second); lane == nil && time.Now().Before(end); {
		if lane, err = rooms.Queue.Claim(d.t.Context(), "test"); err != nil {
			d.t.Fatal(err)
		}
	}
	if lane == nil {
		d.t.Fatal("the lane cannot be had")
	}
	for open := 1; open > 0; {
		res, err := poller.Run(d.t.Context(), poller.Round{Tenant: tn, NetSuite: ns, Records: rooms.States.Tenant(company), Queue: rooms.Queue, Fence: lane.Fence, Now: time.Now()})
		if open = res.Open; err != nil && open > 0 {
			d.t.Fatal(err)
		}
	}
	if err := lane.Release(d.t.Context(), time.Time{}, time.Time{}); err != nil {
		d.t.Fatal(err)
	}
}

func TestCoverageCommand(t *testing.T) {
	d := newDesktop(t, distributor.Options{NetSuite: netsuitetest.Options{HideTables: []string{"deletedrecord"}}})
	d.world.TellPast()
	d.says(1, "no vendor has been read yet", "coverage", company)
	d.says(1, "5 gaps", "coverage", company)
	d.poll()
	d.says(0, "complete up to", "coverage", company)
	d.says(0, "permission Deleted Records", "coverage", company)
	var all []poller.Coverage
	if err := json.Unmarshal([]byte(d.says(0, "", "coverage", company, "-o", "json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if !c.Complete || c.CompleteTo == nil || c.Known == 0 && c.Type != "vendorcredit" {
			t.Errorf("%+v", c)
		}
	}
	// A poll that fails is a gap, with NetSuite's words and the remedy.
	d.world.NetSuite.FailNext(netsuitetest.Fault{Match: "FROM vendor", Status: 400, Times: -1, Body: `{"status":400,"o:errorDetails":[{"detail":"Invalid search query. Search error occurred: Record 'vendor' was not found."}]}`})
	d.says(0, "", "poll", company)
	d.poll()
	d.says(1, `may not see "vendor"`, "coverage", company)
	d.says(1, "1 gap", "coverage", company)
	d.says(1, "there is no tenant", "coverage", "nobody")
	d.says(2, "want 1", "coverage")
}

func TestBackfillCommand(t *testing.T) {
	d := newDesktop(t, distributor.Options{})
	d.world.TellPast()
	d.says(0, "none", "backfill", "status", company)
	// Mistakes are told before anything happens.
	d.says(2, "is in the future", "backfill", "start", company, "--yes", "--since", "2999-01-01")
	d.says(2, "want a date, YYYY-MM-DD", "backfill", "start", company, "--yes", "--since", "01.11.2026")
	d.says(2, `"invoice" is no record type`, "backfill", "start", company, "--yes", "--types", "vendor,invoice")
	d.says(2, "want 1 to", "backfill", "start", company, "--yes", "--calls-per-minute", "1000000")
	d.says(2, "want 1 to", "backfill", "start", company, "--yes", "--calls-per-minute", "-1")
	d.says(2, "say --yes", "backfill", "start", company)
	d.says(1, "there is no backfill to resume: none was ever started", "backfill", "resume", company)
	// What a script sends whose variable is not set is not all of history.
	d.says(2, "--since is empty", "backfill", "start", company, "--yes", "--since", "")
	d.says(2, "--types is empty", "backfill", "start", company, "--yes", "--types", " ")
	d.says(0, "none", "backfill", "status", company)

	var b poller.Backfill
	read := func(code int, args ...string) {
		t.Helper()
		b = poller.Backfill{}
		if err := json.Unmarshal([]byte(d.says(code, "", append(args, "-o", "json")...)), &b); err != nil {
			t.Fatal(err)
		}
	}
	read(0, "backfill", "start", company, "--dry-run")
	if b.State != poller.BackfillNone || b.Forecast == nil || b.Forecast.Cin7Calls == 0 || b.Forecast.NetSuiteCalls == 0 || b.Forecast.EndsAt.Before(time.Now()) || b.Counted["vendor"] != 7 {
		t.Errorf("dry run: %+v, %+v", b, b.Forecast)
	}
	read(0, "backfill", "start", company, "--dry-run", "--types", "vendor, vendor", "--calls-per-minute", "1")
	if b.Counted["vendor"] != 7 || b.Total != 7 || b.Forecast.CallsPerMinute != 1 || b.Forecast.Minutes != float64(b.Forecast.Cin7Calls) { //nolint:forbidigo // minutes, no money
		t.Errorf("vendors at a call a minute: %+v, %+v", b, b.Forecast)
	}
	read(0, "backfill", "start", company, "--yes")
	if b.State != poller.BackfillRunning || b.StartedAt == nil {
		t.Errorf("started: %+v", b)
	}
	d.says(1, "cancel it first", "backfill", "start", company, "--yes")
	d.says(1, "a backfill is running", "coverage", company)
	for _, step := range []struct{ verb, state string }{{"pause", poller.BackfillPaused}, {"resume", poller.BackfillRunning}, {"pause", poller.BackfillPaused}, {"cancel", poller.BackfillCancelled}} {
		read(0, "backfill", step.verb, company)
		got := b.State
		if read(0, "backfill", "status", company); got != step.state || b.State != step.state {
			t.Errorf("%s: %s, then %s, want %s", step.verb, got, b.State, step.state)
		}
	}
	d.says(1, "the last one is cancelled", "backfill", "resume", company)
	d.says(2, "has no verb", "backfill", "stop", company)
}

// What an operator mistypes is told, not answered with an empty list.
func TestRecordsAskedForWrongly(t *testing.T) {
	d := newDesktop(t, distributor.Options{})
	d.says(2, `type "bill": want vendor,`, "records", "ls", company, "--type", "bill")
	d.says(2, "--limit 0: want 1 to 1000", "records", "ls", company, "--limit", "0")
	d.says(2, "--limit 1001: want 1 to 1000", "records", "ls", company, "--limit", "1001")
	d.says(0, "no record is parked: nothing was marked", "records", "retry", company)
	d.says(0, `no record is parked with the reason "unmaped": nothing was marked`, "records", "retry", company, "--reason", "unmaped")
}

// Whoever asks for work of a paused tenant is told that it waits.
func TestPausedTenantSaysSo(t *testing.T) {
	d := newDesktop(t, distributor.Options{})
	d.says(0, "paused", "tenant", "pause", company, "--reason", "stocktaking")
	const told = "tenant cascade is paused (stocktaking): nothing is read or written until ml-connector tenant resume cascade"
	d.says(0, told, "poll", company)
	d.says(0, told, "backfill", "start", company, "--yes")
	d.says(0, told, "backfill", "status", company)
}
