package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
)

// ledgers is the command line of whoever keeps the books of one company, in an
// installation whose worker does not run.
type ledgers struct {
	t     *testing.T
	world *distributor.World
	redis *miniredis.Miniredis
	env   []string
	dir   string
}

const books = "cascade"

// The records of the company: an order of ten metres of webbing, billed with
// freight and with a penalty that no account of Cin7 is for.
const booksVendor, booksOrder, booksBill = 501, 601, 701

func newLedgers(t *testing.T) *ledgers {
	t.Helper()
	o := distributor.Options{}
	o.Cin7.CallsPerMinute = -1
	world, err := distributor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.NetSuite.Close() })
	ns, c7 := httptest.NewServer(world.NetSuite), httptest.NewServer(world.Cin7)
	t.Cleanup(ns.Close)
	t.Cleanup(c7.Close)
	l := &ledgers{t: t, world: world, redis: miniredis.RunT(t), dir: t.TempDir()}
	l.env = []string{"MLC_REDIS_URL=redis://" + l.redis.Addr(), "MLC_KEYSET_FILE=" + l.file("keyset.json"), "MLC_ALLOW_PRIVATE_ENDPOINTS=true", "MLC_SETTLE_SECONDS=1"}
	l.write("tenant.yaml", world.Tenant(books, ns.URL, c7.URL, "INVOICE"))
	for _, args := range [][]string{{"keys", "init"}, {"tenant", "apply", "--no-ping", "-f", l.file("tenant.yaml")}} {
		if said, err := l.run(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, said)
		}
	}
	world.NetSuite.PutVendor(netsuitetest.Vendor{ID: booksVendor, EntityID: "V-501", CompanyName: "Basin Mill Ltd", Currency: "USD", Terms: "Net 30"})
	world.NetSuite.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: booksOrder, Number: "PO601", Vendor: booksVendor, Date: "2026-11-03", Rate: "1", Location: 1,
		Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "10", Amount: "24.00"}}})
	return l
}

func (l *ledgers) bill() {
	l.world.NetSuite.PutBill(netsuitetest.Bill{ID: booksBill, Number: "INV-701", Vendor: booksVendor, Date: "2026-11-06", Due: "2026-12-06", Rate: "1",
		Lines: []netsuitetest.BillLine{{Item: 2001, Quantity: "10", Amount: "24.00", PO: booksOrder, POLine: 1}, {Account: 151, Amount: "6.00"}, {Account: 169, Amount: "2.50"}}})
}

func (l *ledgers) file(name string) string { return filepath.Join(l.dir, name) }

func (l *ledgers) write(name, text string) string {
	l.t.Helper()
	if err := os.WriteFile(l.file(name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return l.file(name)
}

// completed is a record as the service remembers it.
func (l *ledgers) completed(typ, id string, fields ...string) {
	l.t.Helper()
	r := queue.Ref{Type: typ, ID: id}
	l.redis.HSet(queue.KeyRecord(books, r), append(fields, "state", string(queue.Completed))...)
	if _, err := l.redis.ZAdd(queue.KeyByState(books, queue.Completed), 1, r.String()); err != nil {
		l.t.Fatal(err)
	}
}

// run runs a command line and returns what it writes to standard output.
func (l *ledgers) run(args ...string) (said string, err error) {
	l.t.Helper()
	var out bytes.Buffer
	root := (&app{environ: l.env, out: &out}).root()
	root.SetArgs(args)
	err = root.ExecuteContext(l.t.Context())
	return out.String(), err
}

// says runs a command line that must work, and wants texts in what it says.
func (l *ledgers) says(args []string, texts ...string) string {
	l.t.Helper()
	said, err := l.run(args...)
	if err != nil {
		l.t.Fatalf("ml-connector %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	for _, want := range texts {
		if !strings.Contains(said, want) {
			l.t.Errorf("ml-connector %s does not say %q:\n%s", strings.Join(args, " "), want, said)
		}
	}
	return said
}

// fails runs a command line that must fail, and wants texts in its error: what
// was given, where, and what to do. misused is whether it is the command line
// that is wrong (exit code 2, else 1).
func (l *ledgers) fails(misused bool, args []string, texts ...string) {
	l.t.Helper()
	_, err := l.run(args...)
	if err == nil {
		l.t.Errorf("ml-connector %s works", strings.Join(args, " "))
		return
	}
	var usage usageError
	if errors.As(err, &usage) != misused {
		l.t.Errorf("ml-connector %s: a mistake in the command line: %v, want %v: %v", strings.Join(args, " "), !misused, misused, err)
	}
	for _, want := range texts {
		if !strings.Contains(err.Error(), want) {
			l.t.Errorf("ml-connector %s does not say %q: %v", strings.Join(args, " "), want, err)
		}
	}
}

// A plan is made, read by a person, and applied; what it is applied to must be
// what it was made for.
func TestPlanAndApplyCommands(t *testing.T) {
	l := newLedgers(t)
	file := l.file("plan.json")
	one := []string{"plan", books, "--type", "purchaseorder", "--id", fmt.Sprint(booksOrder)}
	said := l.says(append(one, "--out", file), "POST   advanced-purchase", "POST   purchase/order", "nothing  ->", "Make them with: ml-connector apply "+file)
	if n := l.world.Cin7.Writes(); n != 0 {
		t.Errorf("planning wrote %d times:\n%s", n, said)
	}
	var p handlers.Plan
	if err := json.Unmarshal([]byte(l.says(append(one, "--output", "json"))), &p); err != nil || len(p.Calls) < 3 || p.Tenant != books {
		t.Errorf("as JSON: %v, %d calls for %q", err, len(p.Calls), p.Tenant)
	}
	l.fails(true, []string{"apply", file}, "--yes", books, fmt.Sprint(len(p.Calls)))
	if n := l.world.Cin7.Writes(); n != 0 {
		t.Errorf("not applying wrote %d times", n)
	}
	// The same company in another installation has not what the plan rests on.
	other := newLedgers(t)
	other.bill()
	other.fails(false, []string{"apply", file, "--yes"}, "changed in NetSuite", "make a new plan")
	if n := other.world.Cin7.Writes(); n != 0 {
		t.Errorf("the plan of another company wrote %d times", n)
	}
	// Its Redis is new: whatever was under way before could still take effect.
	l.fails(false, []string{"apply", file, "--yes"}, "no call was made", books, "apply the plan again then")
	if n := l.world.Cin7.Writes(); n != 0 {
		t.Errorf("%d writes while nothing may be created", n)
	}
	for end := time.Now().Add(time.Minute); ; <-time.After(200 * time.Millisecond) {
		said, err := l.run("apply", file, "--yes")
		if err == nil && strings.Contains(said, fmt.Sprintf("%d of %d calls were made", len(p.Calls), len(p.Calls))) {
			break
		}
		if err == nil || !strings.Contains(err.Error(), "apply the plan again then") || time.Now().After(end) {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	// And the flag of the deployment, before the first of them (docs/adr/0013).
	if n := l.world.Cin7.Writes(); n != len(p.Calls)+1 {
		t.Errorf("%d writes, the plan has %d", n, len(p.Calls))
	}
	l.fails(false, []string{"apply", file, "--yes"}, "the plan no longer holds", "make a new plan")
	l.says(append(one, "--out", file), "Nothing would be sent to Cin7")
	l.says([]string{"apply", file, "--yes"}, "nothing to do")
	// Of all records that are not in step: none is known yet, then the bill.
	l.says([]string{"plan", books}, "asked for: 0", "Nothing would be sent")
	l.bill()
	l.says([]string{"records", "sync", books, "vendorbill", fmt.Sprint(booksBill)})
	l.says([]string{"plan", books}, "unmapped_account", "6990 Sundry Penalties")
}

func TestPlanAndApplyRefuse(t *testing.T) {
	l := newLedgers(t)
	file := l.file("plan.json")
	l.says([]string{"plan", books, "--type", "purchaseorder", "--id", fmt.Sprint(booksOrder), "--out", file})
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plan := string(b)
	l.fails(false, []string{"plan", "nowhere"}, `"nowhere"`, "tenant ls")
	l.fails(true, []string{"plan"}, "want 1", "plan TENANT")
	l.fails(true, []string{"plan", books, "--type", "vendor"}, "--type and --id")
	l.fails(true, []string{"plan", books, "--type", "invoice", "--id", "5"}, `"invoice"`, "vendorbill")
	l.fails(true, []string{"plan", books, "--type", "vendorbill", "--id", "INV-701"}, `"INV-701"`, "digits")
	l.fails(false, []string{"plan", books, "--type", "vendor", "--id", "501", "--out", l.file("no/such/place.json")}, "no/such/place.json")
	again := "ml-connector plan TENANT --out "
	l.fails(false, []string{"apply", l.file("none.json"), "--yes"}, "none.json", again)
	l.fails(false, []string{"apply", l.write("short.json", plan[:len(plan)/2]), "--yes"}, "short.json", "cut short", again)
	l.fails(false, []string{"apply", l.write("edited.json", strings.Replace(plan, `"AUTHORISED"`, `"DRAFT"`, 1)), "--yes"}, "edited.json", "changed after it was made", again)
	l.fails(false, []string{"apply", l.write("yaml.json", "calls: []\n"), "--yes"}, "yaml.json", "no plan", again)
	l.fails(false, []string{"apply", l.write("old.json", strings.Replace(plan, handlers.PlanSchema, "ml-connector.plan/0", 1)), "--yes"}, "ml-connector.plan/0", again)
	l.says([]string{"tenant", "rm", books, "--yes"})
	l.fails(false, []string{"apply", file, "--yes"}, `"`+books+`"`, "tenant ls")
	if n := l.world.Cin7.Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestAccountsCommand(t *testing.T) {
	l := newLedgers(t)
	l.bill()
	since := []string{"--since", "2026-11-01"}
	accounts := append([]string{"accounts", books}, since...)
	l.says(accounts, "Sundry Penalties", "unmapped", "2 of 3 lines", "0 of 1 bills and credits", "missing: 6990 Sundry Penalties")
	var a handlers.Accounts
	if err := json.Unmarshal([]byte(l.says(append(accounts, "--output", "json"))), &a); err != nil || a.Lines != 3 || len(a.MissingAccounts) != 1 {
		t.Errorf("as JSON: %v: %+v", err, a)
	}
	// What --suggest writes can be pasted, and rehearsed as it is.
	block := l.says(append(accounts, "--suggest"), "accounts:", `"6990"`)
	l.says(append(accounts, "--rehearse", l.write("suggested.yaml", "mapping:\n  "+strings.ReplaceAll(block, "\n", "\n  "))), "As it is:", "Rehearsed:")
	said := l.says(append(accounts, "--rehearse", l.write("better.yaml", "accounts: {\"6990\": \"429\"}\n")), "3 of 3 lines", "no account is missing")
	if !strings.Contains(said, "429") {
		t.Errorf("it does not say where 6990 would go:\n%s", said)
	}
	l.fails(false, []string{"accounts", "nowhere"}, `"nowhere"`, "tenant ls")
	l.fails(false, []string{"accounts", books, "--since", "last week"}, `"last week"`, "YYYY-MM-DD")
	l.fails(false, []string{"accounts", books, "--since", "2099-01-01"}, "2099-01-01", "future")
	l.fails(false, append(accounts, "--rehearse", l.file("none.yaml")), "none.yaml")
	l.fails(true, append(accounts, "--rehearse", l.write("typo.yaml", "acounts: {\"6990\": \"429\"}\n")), "typo.yaml", "acounts")
	l.fails(true, append(accounts, "--rehearse", l.write("list.yaml", "- 6990\n")), "list.yaml", "mapping section")
	// What is posted stays as it is, and is listed once the mapping leaves it.
	history := []string{"accounts", books, "--history"}
	l.says(history, "accounts.6100", "nothing", "429", "Nothing that is posted stands otherwise")
	l.completed("purchaseorder", "601", "f:number", "PO601", "f:settings", "1", "f:products", "item:2001//WEB=WEB,charge:151/5100/Freight+In=Inbound+freight")
	l.completed("vendorbill", "701", "f:number", "INV-701", "f:settings", "1", "f:accounts", "429", "f:posted", "161/6100=429")
	b, err := os.ReadFile(l.file("tenant.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	yaml := strings.NewReplacer(`"Inbound freight"`, `"Carriage"`, `"6100": "429"`, `"6100": "465"`).Replace(string(b))
	l.says([]string{"tenant", "apply", "--no-ping", "--yes", "-f", l.write("tenant.yaml", yaml)})
	l.says(history, "charges.5100", "Carriage", "Posted under an older version", "PO601", "Inbound freight", "INV-701", "465")
	var m service.Mappings
	if err := json.Unmarshal([]byte(l.says(append(history, "--output", "json"))), &m); err != nil || len(m.Older) != 2 || len(m.Versions) != 2 {
		t.Errorf("as JSON: %v: %+v", err, m)
	}
	l.fails(true, append(history, "--suggest"), "history")
}

func TestReconcileCommand(t *testing.T) {
	l := newLedgers(t)
	period := func(from, to string, more ...string) []string {
		return append([]string{"reconcile", books, "--from", from, "--to", to}, more...)
	}
	l.says(period("2026-11-01", "2026-11-30"), "There is nothing to compare")
	l.bill()
	l.fails(false, period("2026-11-01", "2026-11-30"), "1 difference needs a person") // exit code 1
	for _, format := range []string{"csv", "json", "html"} {
		file := l.file("report." + format)
		l.fails(false, period("2026-11-01", "2026-11-30", "--format", format, "--out", file), "do not tie out")
		if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), "INV-701") {
			t.Errorf("%s: %v, %d bytes without the bill", format, err, len(b))
		}
	}
	l.fails(true, period("", "2026-11-30"), `from ""`, "YYYY-MM-DD")
	l.fails(true, period("2026-11-31", "2026-12-01"), `"2026-11-31"`, "YYYY-MM-DD")
	l.fails(true, period("2026-11-30", "2026-11-01"), "2026-11-30", "exchange the two")
	l.fails(true, period("2020-01-01", "2026-11-01"), "2020-01-01", "in parts")
	l.fails(true, period("2099-01-01", "2099-01-31"), "2099-01-01", "future", "has begun")
	l.fails(true, period("2026-11-01", "2026-11-30", "--format", "xlsx"), `"xlsx"`, "csv")
	l.fails(false, []string{"reconcile", "nowhere", "--from", "2026-11-01", "--to", "2026-11-30"}, `"nowhere"`, "tenant ls")
	l.fails(false, period("2026-11-01", "2026-11-30", "--out", l.file("no/such/place.csv")), "no/such/place.csv")
}
