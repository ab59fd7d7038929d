package service_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// scraped is what the service told at one time; nil when it did not answer.
type scraped struct {
	at       time.Time
	families map[string]*dto.MetricFamily
}

// bout is a fault as the service told it: before, during and after. In the
// timeline that Prometheus' own rule engine is given, every minute of the
// fault counts what the recorded one counted.
type bout struct {
	alert, days           string // days is a label of some alerts
	before, during, after *scraped
	minutes               int  // length of the fault
	stands                bool // time passes and nothing new is told: timestamps stay where they are
	clean                 bool // not a fault at all: nothing may fire
}

const (
	minutesBefore = 90  // longer than any offset in the rules
	minutesAfter  = 150 // longer than any window in the rules
)

// series are the samples of one scrape by series, of the metrics in want.
func (s *scraped) series(want *regexp.Regexp) map[string]float64 {
	out := map[string]float64{}
	if s == nil {
		return out
	}
	for name, f := range s.families {
		if !want.MatchString(name) {
			continue
		}
		for _, m := range f.GetMetric() {
			var pairs []string
			for _, l := range m.GetLabel() {
				pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			put := func(suffix string, v float64, more ...string) {
				out[fmt.Sprintf("%s%s{%s}", name, suffix, strings.Join(append(slices.Clone(pairs), more...), ","))] = v
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				put("", m.GetCounter().GetValue())
			case dto.MetricType_HISTOGRAM:
				for _, b := range m.GetHistogram().GetBucket() {
					put("_bucket", float64(b.GetCumulativeCount()), fmt.Sprintf("le=%q", strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)))
				}
				put("_count", float64(m.GetHistogram().GetSampleCount()))
			default:
				put("", m.GetGauge().GetValue())
			}
		}
	}
	return out
}

var (
	counts = regexp.MustCompile(`_(total|bucket|count)\{`)
	points = regexp.MustCompile(`_timestamp_seconds\{`)
)

// values are the samples of a series in promtool's notation: a minute each.
func (b *bout) values(series string, from [3]map[string]float64) string {
	n := [3]int{minutesBefore, b.minutes, minutesAfter}
	number := func(v float64) string {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return "_"
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	begins := [3]int{0, minutesBefore, minutesBefore + b.minutes}
	scrapes := [3]*scraped{b.before, b.during, b.after}
	var out []string
	last := 0.0
	for i := range n {
		v, ok := from[i][series]
		if !ok {
			out = append(out, fmt.Sprintf("_x%d", n[i]))
			continue
		}
		step := 0.0
		switch {
		case counts.MatchString(series):
			if i == 1 {
				if step = max(0, v-from[0][series]); b.clean {
					step /= float64(b.minutes)
				}
			}
			if i > 0 {
				v = last
			}
			last = v + step*float64(n[i]-1)
		case points.MatchString(series):
			since := scrapes[i]
			if b.stands && i == 1 {
				since, v = scrapes[0], from[0][series]
			}
			v -= float64(since.at.Unix())
			if !b.stands || i != 1 {
				v += float64(60 * begins[i])
			}
		}
		out = append(out, fmt.Sprintf("%s+%sx%d", number(v), number(step), n[i]-1))
	}
	return strings.Join(out, " ")
}

// judge lets promtool evaluate the rules over every bout: the alert of a fault
// fires in it, and nothing does before and after.
func judge(t *testing.T, rules string, bouts []bout) {
	t.Helper()
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`mlc_[a-z0-9_]+`).FindAllString(string(text), -1) {
		used[strings.TrimSuffix(m, "_bucket")] = true
	}
	want := regexp.MustCompile("^(" + strings.Join(slices.Sorted(maps.Keys(used)), "|") + ")$")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	var f strings.Builder
	f.WriteString("rule_files: [rules.yaml]\nevaluation_interval: 1m\ntests:\n")
	for _, b := range bouts {
		name := b.alert + " " + b.days
		fmt.Fprintf(&f, "  - name: %q\n    interval: 1m\n    input_series:\n", name)
		from := [3]map[string]float64{b.before.series(want), b.during.series(want), b.after.series(want)}
		all := map[string]bool{}
		for _, m := range from {
			for s := range m {
				all[s] = true
			}
		}
		for _, s := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&f, "      - {series: '%s', values: '%s'}\n", s, b.values(s, from))
		}
		f.WriteString("    promql_expr_test:\n")
		check := func(expr string, minute int, value int) {
			fmt.Fprintf(&f, "      - {expr: '%s', eval_time: %dm, exp_samples: [{labels: '{}', value: %d}]}\n", expr, minute, value)
		}
		const firing = `count(ALERTS{alertstate="firing"}) or vector(0)`
		if b.clean {
			check(fmt.Sprintf(`max_over_time((%s)[%dm:1m])`, firing, b.minutes), minutesBefore+b.minutes-1, 0)
			continue
		}
		label := ""
		if b.days != "" {
			label = fmt.Sprintf(`, days="%s"`, b.days)
		}
		check(firing, minutesBefore-1, 0)
		check(fmt.Sprintf(`count(ALERTS{alertstate="firing", alertname="%s"%s}) > bool 0`, b.alert, label), minutesBefore+b.minutes-1, 1)
		check(firing, minutesBefore+b.minutes+minutesAfter-1, 0)
	}
	file := filepath.Join(dir, "bouts.yaml")
	if err := os.WriteFile(file, []byte(f.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("MLC_KEEP"); keep != "" {
		_ = os.WriteFile(keep, []byte(f.String()), 0o600)
	}
	if out, err := exec.Command("promtool", "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// ruled are the alerts of a rule file, with the label days of those that have
// it.
func ruled(t *testing.T, rules string) []string {
	t.Helper()
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, part := range strings.Split(string(text), "- alert: ")[1:] {
		name, _, _ := strings.Cut(part, "\n")
		days := ""
		if m := regexp.MustCompile(`days: '(\d+)'`).FindStringSubmatch(part); m != nil {
			days = m[1]
		}
		out = append(out, strings.TrimSpace(name+" "+days))
	}
	slices.Sort(out)
	return out
}
