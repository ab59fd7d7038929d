package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	documented = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)(?:\\{[a-z_,]+\\})?` \\| (counter|gauge|histogram) \\|")
	used       = regexp.MustCompile(`\b(?:mlc|go|process|promhttp)_[a-z0-9_]+`)
	suffix     = regexp.MustCompile(`_(bucket|count|sum)$`)
)

// metrics are the names in docs/metrics.md, which a test of package service
// holds against the running service.
func metrics(t *testing.T) map[string]string {
	out := map[string]string{}
	for _, m := range documented.FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		out[m[1]] = m[2]
	}
	return out
}

// ruleFile is the part of a Prometheus rule file that we use.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert       string
			Expr        string
			For         string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
}

func rules(t *testing.T) ruleFile {
	t.Helper()
	var f ruleFile
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "prometheus/rules.yaml")), &f, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return f
}

// board is the part of a dashboard that the tests look at.
type board struct {
	Panels []struct {
		Type, Title, Description string
		Targets                  []struct{ Expr string }
	}
}

func dashboards(t *testing.T) map[string]board {
	t.Helper()
	files, err := filepath.Glob("grafana/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v %v, want three boards", files, err)
	}
	out := map[string]board{}
	for _, f := range files {
		var b board
		if err := json.Unmarshal([]byte(read(t, f)), &b); err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = b
	}
	return out
}

// names are the metrics of an expression, without a histogram's suffix.
func names(expr string, known map[string]string) []string {
	var out []string
	for _, n := range used.FindAllString(expr, -1) {
		if _, ok := known[n]; !ok && known[suffix.ReplaceAllString(n, "")] == "histogram" {
			n = suffix.ReplaceAllString(n, "")
		}
		out = append(out, n)
	}
	return out
}

// The metrics of the documents and those of the dashboards and rules together
// are the same set: nothing is measured that nobody looks at, and nothing is
// looked at that nobody measures.
func TestSameMetricsEverywhere(t *testing.T) {
	known := metrics(t)
	if len(known) < 30 {
		t.Fatalf("docs/metrics.md has %d metrics that can be read", len(known))
	}
	// Of client_golang; TestMetrics of package service sees them too.
	for _, n := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "go_goroutines"} {
		known[n] = "runtime"
	}
	seen := map[string]bool{}
	for _, g := range rules(t).Groups {
		for _, r := range g.Rules {
			for _, n := range names(r.Expr, known) {
				seen[n] = true
			}
		}
	}
	for file, b := range dashboards(t) {
		for _, p := range b.Panels {
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || len(p.Description) < 10 || len(p.Targets) == 0 {
				t.Errorf("%s: panel %q wants a title, a description and a query", file, p.Title)
			}
			for _, q := range p.Targets {
				got := names(q.Expr, known)
				if len(got) == 0 {
					t.Errorf("%s: panel %q: no metric in %s", file, p.Title, q.Expr)
				}
				for _, n := range got {
					seen[n] = true
				}
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(known))); diff != "" {
		t.Errorf("dashboards and rules (-) and docs/metrics.md (+) differ:\n%s", diff)
	}
}

const runbook = "https://github.com/ml-connector/ml-connector/blob/main/docs/runbook.md#"

// Every alert says what it is, has its section in the runbook and its test;
// and the runbook has no section without an alert.
func TestAlerts(t *testing.T) {
	page, tests := read(t, "../docs/runbook.md"), read(t, "prometheus/rules_test.yaml")
	alerts := map[string]bool{}
	for _, g := range rules(t).Groups {
		for _, r := range g.Rules {
			alerts[r.Alert] = true
			if r.For == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: wants for, summary and description", r.Alert)
			}
			if s := r.Labels["severity"]; s != "info" && s != "warning" && s != "critical" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			if got, want := r.Annotations["runbook_url"], runbook+strings.ToLower(r.Alert); got != want {
				t.Errorf("%s: runbook_url %s, want %s", r.Alert, got, want)
			}
			name := "name: " + r.Alert
			if d := r.Labels["days"]; d != "" {
				name += ", " + d + " days"
			}
			if !strings.Contains(tests, name+"\n") {
				t.Errorf("rules_test.yaml has no test %q", name)
			}
		}
	}
	sections := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(page, -1) {
		sections[m[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(sections)), slices.Sorted(maps.Keys(alerts))); diff != "" {
		t.Errorf("sections of docs/runbook.md (-) and alerts (+) differ:\n%s", diff)
	}
	for _, word := range []string{"**Means**", "**Look**", "**Do**"} {
		if n := strings.Count(page, word); n != len(sections) {
			t.Errorf("%d sections say %s, want all %d", n, word, len(sections))
		}
	}
	// The chart carries the same file.
	if read(t, "helm/ml-connector/files/rules.yaml") != read(t, "prometheus/rules.yaml") {
		t.Error("the chart's rules.yaml is another: go generate ./deploy/...")
	}
}

var links = regexp.MustCompile(`\]\(([^)#]*)(?:#([a-z0-9-]+))?\)`)

// Links of the operators' documents lead somewhere.
func TestLinks(t *testing.T) {
	for _, doc := range []string{"runbook.md", "metrics.md", "scale.md", "deploy.md", "upgrade.md", "backup.md", "tracing.md"} {
		for _, m := range links.FindAllStringSubmatch(read(t, "../docs/"+doc), -1) {
			path, anchor := m[1], m[2]
			if strings.Contains(path, "://") {
				continue
			}
			target := filepath.Join("../docs", path)
			if path == "" {
				target = filepath.Join("../docs", doc)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", doc, path)
				continue
			}
			if anchor == "" {
				continue
			}
			found := false
			for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(read(t, target), -1) {
				found = found || slug(h[1]) == anchor
			}
			if !found {
				t.Errorf("%s: %s has no heading #%s", doc, target, anchor)
			}
		}
	}
}

// slug is how GitHub makes an anchor of a heading.
func slug(heading string) string {
	s := strings.ToLower(strings.ReplaceAll(heading, " ", "-"))
	return regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(s, "")
}
