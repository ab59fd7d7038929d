package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// measured is a line of `go test -bench`.
type measured struct{ ns, mb, allocs float64 }

// goBench runs Go benchmarks and returns their lines by name.
func goBench(ctx context.Context, pattern string, packages ...string) (map[string]measured, error) {
	args := append([]string{"test", "-run", "^$", "-bench", pattern, "-benchtime", "0.5s"}, packages...)
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	found := map[string]measured{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(f[0], "Benchmark"), "-")
		var m measured
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				continue
			}
			switch f[i+1] {
			case "ns/op":
				m.ns = v
			case "MB/s":
				m.mb = v
			case "allocs/op":
				m.allocs = v
			}
		}
		found[name] = m
	}
	return found, nil
}

// code measures what needs nothing but a processor.
func (b *bench) code(ctx context.Context) error {
	m, err := goBench(ctx, "^Benchmark(Plan|ParseEvent|Page)$", "./handlers", "./netsuite")
	if err != nil {
		return err
	}
	plan := m["Plan"]
	b.goal("P16", "planning one purchase of 500 lines, 10 bills, 10 receipts", "<= 5 ms", fmt.Sprintf("%.2f ms", plan.ns/1e6), plan.ns > 0 && plan.ns <= 5e6)
	t := table{Title: "Reading and planning", Columns: []string{"what", "time", "MB/s", "allocations"}}
	for _, row := range [][2]string{{"ParseEvent/flat", "a webhook's body of 1 KB"}, {"ParseEvent/subscription", "the same as an event subscription"}, {"ParseEvent/list", "the same with two records"},
		{"Page/rows", "a page of SuiteQL of 1,000 rows, as the service reads it"}, {"Page/struct", "the page with encoding/json into a struct"}, {"Page/maps", "the page with encoding/json into maps"}, {"Plan", "the plan of a purchase of 500 lines, 10 bills, 10 receipts"}} {
		v, ok := m[row[0]]
		if !ok {
			return fmt.Errorf("no benchmark %s", row[0])
		}
		mb := ""
		if v.mb > 0 {
			mb = fmt.Sprintf("%.0f", v.mb)
		}
		t.Rows = append(t.Rows, []string{row[1], fmt.Sprintf("%.1f us", v.ns/1e3), mb, fmt.Sprintf("%.0f", v.allocs)})
	}
	b.say("   a page of SuiteQL takes %.2f x encoding/json into a struct, %.2f x into maps", m["Page/rows"].ns/m["Page/struct"].ns, m["Page/rows"].ns/m["Page/maps"].ns)
	b.table(t)
	return nil
}

// figures runs proofs and returns their figures by name.
func figures(ctx context.Context, pkg, tests string) (map[string]string, error) {
	args := []string{"test", "-count=1", "-v", "-run", "^(" + tests + ")$", pkg}
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%.4000s", strings.Join(args, " "), err, out)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if _, text, ok := strings.Cut(line, ": figure "); ok {
			name, figure, _ := strings.Cut(strings.TrimSpace(text), ": ")
			found[name] = figure
		}
	}
	return found, nil
}

// first is the first number of a text.
func first(text string) float64 {
	v, err := strconv.ParseFloat(regexp.MustCompile(`[0-9]+(\.[0-9]+)?`).FindString(text), 64)
	if err != nil {
		return -1
	}
	return v
}

// proofs takes the figures of the tests that count calls and turns.
func (b *bench) proofs(ctx context.Context) error {
	f, err := figures(ctx, "./queue", "TestFairness")
	if err != nil {
		return err
	}
	const beside = "p95 of the others beside 100,000 waiting marks"
	text, ok := f[beside]
	b.goal("P7", "p95 of other tenants' wait, in rounds of turns, while one has 100,000 waiting", "within 10 % of alone", text, ok) // the test fails otherwise

	if f, err = figures(ctx, "./handlers", "TestCallTable|TestNetSuiteIsReadInBatches|TestNoSlidingMinuteAboveTheLimit|TestEditStorm"); err != nil {
		return err
	}
	if err := b.storm(ctx, f["one order edited again and again"]); err != nil {
		return err
	}
	if err := b.callTable(); err != nil {
		return err
	}
	text = f["NetSuite calls for 100 changed vendors"]
	b.goal("P12", "NetSuite calls per changed record at 100 changes a poll: vendors", "<= 0.1", text, first(text) >= 0 && first(text) <= 10)
	text = f["budget used while backlogged"]
	b.goal("P13", "share of the Cin7 budget used while there is work", ">= 95 %, no refusal", text+"; above the limit: "+f["sliding minutes above 60 calls"], first(text) >= 95)

	if f, err = figures(ctx, "./service", "TestBackfill"); err != nil {
		return err
	}
	lookUps := regexp.MustCompile(`look-ups by list \(([0-9.]+) a record\)`).FindStringSubmatch(f["backfill"])
	b.goal("P11", "Cin7 calls in a backfill beyond the writes and the reading back: look-ups", "<= 0.1 per record", f["backfill"], len(lookUps) == 2 && first(lookUps[1]) <= 0.1)
	return nil
}

// storm posts a hundred thousand edits of one record.
func (b *bench) storm(ctx context.Context, after string) error {
	r, err := b.receiver(ctx, "service", 0)
	if err != nil {
		return err
	}
	defer r.stop()
	r.paths, _, _ = splitFirst(r.paths)
	posts := 0
	for posts < 100_000 {
		if err := b.load(ctx, r, "storm", 64, "same"); err != nil {
			return err
		}
		n, err := r.p.metric(ctx, `mlc_webhook_requests_total{result="accepted"}`)
		if err != nil {
			return err
		}
		posts = int(n)
	}
	waiting, err := r.redis.rdb.XLen(ctx, "mlc:{tenant0}:events").Result()
	if err != nil {
		return err
	}
	b.goal("P6", "edit storm: 100,000 posts for one record", "1 waiting entry, <= 3 NetSuite reads, 0 repeated writes", fmt.Sprintf("%d posts, %d waiting entry; then %s", posts, waiting, after), waiting == 1 && after != "")
	return nil
}

func splitFirst(s string) (one, rest string, more bool) { return strings.Cut(s, ",") }

// callTable reads the table of calls, which a test holds to the simulators.
func (b *bench) callTable() error {
	text, err := os.ReadFile("docs/performance.md")
	if err != nil {
		return err
	}
	cost := map[string]int{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(line, "|")
		if len(f) != 7 {
			continue
		}
		reads, rerr := strconv.Atoi(strings.TrimSpace(f[4]))
		writes, werr := strconv.Atoi(strings.TrimSpace(f[5]))
		what := strings.TrimSpace(f[1]) + " " + strings.TrimSpace(f[2])
		// The first table is of one record, the second of a hundred at once.
		if _, known := cost[what]; !known && rerr == nil && werr == nil {
			cost[what] = reads + writes
		}
	}
	of := func(what string) int {
		n, ok := cost[what]
		if !ok {
			return 1000
		}
		return n
	}
	v, po, bill, rec := of("vendor new"), of("purchase order new"), of("bill new"), of("item receipt new")
	unchanged := of("vendor unchanged") + of("purchase order unchanged") + of("bill unchanged") + of("item receipt unchanged")
	b.goal("P10", "Cin7 calls, live: new vendor, order, bill, receipt; changed vendor, order; unchanged", "2, 3, 3, 3; 2 to 3; 0",
		fmt.Sprintf("%d, %d, %d, %d; %d, %d; %d", v, po, bill, rec, of("vendor changed"), of("purchase order changed"), unchanged),
		v <= 2 && po <= 3 && bill <= 3 && rec <= 3 && of("vendor changed") <= 3 && of("purchase order changed") <= 3 && unchanged == 0)
	return nil
}
