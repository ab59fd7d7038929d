package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A picture of a board, drawn without Grafana from what a Prometheus answers
// to the board's own queries: layout, titles, units and thresholds are those
// of the dashboard, the looks are ours.

const (
	column, unitHigh = 60, 30 // pixels of Grafana's grid, to 1,440 wide
	pad              = 6
)

var colours = []string{"#2f7ed8", "#e8833a", "#4f9d4f", "#b5519c", "#c9a227", "#4bb4c1", "#d9534f", "#7d6bb3", "#8a8a8a", "#a3c14a"}

// sampled is one series of a panel.
type sampled struct {
	name string
	at   []time.Time
	v    []float64
}

// span is the time that a picture shows.
type span struct {
	start        time.Time
	length, step time.Duration
}

// draw writes a picture of each board of the last minutes into dir.
func draw(ctx context.Context, prometheus, dir string, minutes int) error {
	end, length := time.Now(), time.Duration(minutes)*time.Minute
	at := span{start: end.Add(-length), length: length, step: length / 180}
	fill := strings.NewReplacer("$__rate_interval", "20s", "$tenant", ".*")
	for name, d := range boards() {
		var b strings.Builder
		bottom := 0
		for _, one := range d.Panels {
			var all []sampled
			for _, t := range one.Targets {
				some, err := ask(ctx, prometheus, fill.Replace(t.Expr), t.LegendFormat, at)
				if err != nil {
					return fmt.Errorf("board %s, panel %q: %w", name, one.Title, err)
				}
				all = append(all, some...)
			}
			one.svg(&b, all, at)
			bottom = max(bottom, (one.GridPos.Y+one.GridPos.H)*unitHigh)
		}
		head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -44 %d %d" font-family="sans-serif" font-size="12" fill="#24292f"><rect y="-44" width="100%%" height="100%%" fill="#f4f5f7"/><text x="12" y="-16" font-size="20">%s</text><text x="%d" y="-16" text-anchor="end" fill="#6a737d">%s: the last %d minutes</text>`+"\n",
			24*column, bottom+50, html.EscapeString(d.Title), 24*column-12, html.EscapeString(strings.TrimSuffix(d.Description, ".")), minutes)
		if err := os.WriteFile(filepath.Join(dir, name+".svg"), []byte(head+b.String()+"</svg>\n"), 0o644); err != nil { //nolint:gosec // it is to be read by everybody
			return fmt.Errorf("write the picture of board %s: %w", name, err)
		}
	}
	return nil
}

var label = regexp.MustCompile(`\{\{(\w+)\}\}`)

// ask evaluates an expression over a span, by Prometheus' range query
// (https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries),
// and names the series by the legend.
func ask(ctx context.Context, prometheus, expr, legend string, at span) ([]sampled, error) {
	seconds := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	q := url.Values{"query": {expr}, "start": {seconds(at.start)}, "end": {seconds(at.start.Add(at.length))}, "step": {strconv.FormatFloat(at.step.Seconds(), 'f', 3, 64)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(prometheus, "/")+"/api/v1/query_range?"+q.Encode(), nil) //nolint:gosec // the address is the caller's own
	if err != nil {
		return nil, err
	}
	res, err := (&http.Client{Timeout: time.Minute}).Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any // seconds, and the value as text
			}
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("Prometheus answered %s: %w", res.Status, err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("Prometheus says %s", answer.Error)
	}
	var out []sampled
	for _, r := range answer.Data.Result {
		s := sampled{name: label.ReplaceAllStringFunc(legend, func(l string) string { return r.Metric[label.FindStringSubmatch(l)[1]] })}
		for _, p := range r.Values {
			when, _ := p[0].(float64)
			text, _ := p[1].(string)
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			s.at, s.v = append(s.at, time.UnixMilli(int64(when*1000))), append(s.v, v)
		}
		if len(s.v) > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// svg draws a panel at its place.
func (p *panel) svg(b *strings.Builder, all []sampled, at span) {
	x, y := p.GridPos.X*column+pad, p.GridPos.Y*unitHigh+pad
	w, h := p.GridPos.W*column-2*pad, p.GridPos.H*unitHigh-2*pad
	if p.Type == "row" {
		fmt.Fprintf(b, `<text x="%d" y="%d" font-size="14" font-weight="bold">%s</text>`+"\n", x, y+14, html.EscapeString(p.Title))
		return
	}
	fmt.Fprintf(b, `<g transform="translate(%d %d)"><rect width="%d" height="%d" rx="3" fill="#fff" stroke="#d8dde3"/><text x="8" y="18" font-weight="bold">%s<title>%s</title></text>`,
		x, y, w, h, html.EscapeString(p.Title), html.EscapeString(p.Description))
	unit := p.FieldConfig.Defaults.Unit
	switch {
	case p.Type == "stat":
		p.stat(b, all, w, h)
	case len(all) == 0:
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" fill="#6a737d">nothing to show</text>`, w/2, h/2+6)
	case p.Type == "table":
		for i, s := range all {
			fmt.Fprintf(b, `<text x="12" y="%d">%s</text><text x="%d" y="%d" text-anchor="end">%s</text>`, 44+18*i, html.EscapeString(s.name), w-12, 44+18*i, inUnit(s.v[len(s.v)-1], unit))
		}
	default:
		lines(b, all, at, unit, w, h)
	}
	b.WriteString("</g>\n")
}

// stat is the last value, in the colour of the threshold that it has passed.
func (p *panel) stat(b *strings.Builder, all []sampled, w, h int) {
	text, colour := "none", "#6a737d"
	if len(all) > 0 {
		v := all[0].v[len(all[0].v)-1]
		text, colour = inUnit(v, p.FieldConfig.Defaults.Unit), "#24292f"
		if t := p.FieldConfig.Defaults.Thresholds; t != nil {
			for _, s := range t.Steps {
				if s.Value == nil || v >= *s.Value {
					colour = map[string]string{"green": "#2f855a", "orange": "#c05621", "red": "#c53030"}[s.Color]
				}
			}
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" font-size="30" fill="%s">%s</text>`, w/2, h/2+20, colour, text)
}

// lines are series over time, with a legend below.
func lines(b *strings.Builder, all []sampled, at span, unit string, w, h int) {
	const left, top = 62, 32
	perRow := max(1, w/175)
	rows := (min(len(all), 2*perRow) + perRow - 1) / perRow
	right, bottom := w-14, h-22-16*rows
	most := 0.0
	for _, s := range all {
		for _, v := range s.v {
			most = max(most, v)
		}
	}
	most = roundUp(most)
	for i := range 3 {
		y := bottom - (bottom-top)*i/2
		fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#e3e7ec"/><text x="%d" y="%d" text-anchor="end" font-size="11" fill="#6a737d">%s</text>`,
			left, y, right, y, left-6, y+4, inUnit(most*float64(i)/2, unit))
	}
	for i := range 4 {
		x := left + (right-left)*i/3
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" font-size="11" fill="#6a737d">%s</text>`, min(x, right-12), bottom+15, at.start.Add(at.length*time.Duration(i)/3).UTC().Format("15:04:05"))
	}
	for i, s := range all {
		colour := colours[i%len(colours)]
		var path strings.Builder
		for j, v := range s.v {
			x := float64(left) + float64(right-left)*float64(s.at[j].Sub(at.start))/float64(at.length)
			move := "L"
			if j == 0 || s.at[j].Sub(s.at[j-1]) > 3*at.step {
				move = "M"
			}
			fmt.Fprintf(&path, "%s%.1f %.1f", move, x, float64(bottom)-float64(bottom-top)*v/most)
		}
		fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, path.String(), colour)
		if i < 2*perRow {
			lx, ly := left+(right-left)*(i%perRow)/perRow, bottom+34+16*(i/perRow)
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="10" height="3" fill="%s"/><text x="%d" y="%d" font-size="11">%s</text>`, lx, ly-5, colour, lx+14, ly, html.EscapeString(short(s.name)))
		}
	}
	if n := len(all) - 2*perRow; n > 0 {
		fmt.Fprintf(b, `<text x="%d" y="18" text-anchor="end" font-size="11" fill="#6a737d">and %d more</text>`, right, n)
	}
}

func short(s string) string {
	if r := []rune(s); len(r) > 22 {
		return string(r[:21]) + "…"
	}
	return s
}

// roundUp is the top of an axis: 1, 2, 4, 5 or 8 times a power of ten, so that
// half of it is a round number too.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 4, 5, 8, 10} {
		if v <= n*ten*1.0001 {
			return n * ten
		}
	}
	return 10 * ten
}

// inUnit writes a value in a unit of Grafana's.
func inUnit(v float64, unit string) string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
	switch unit {
	case "s":
		switch {
		case v == 0:
			return "0 s"
		case v < 1:
			return number(v*1000) + " ms"
		case v < 120:
			return number(v) + " s"
		case v < 2*86400:
			return strconv.FormatFloat(v/60, 'f', 0, 64) + " min"
		}
		return strconv.FormatFloat(v/86400, 'f', 0, 64) + " d"
	case "bytes":
		return strconv.FormatFloat(v/1e6, 'f', 0, 64) + " MB"
	case "percentunit":
		return number(v*100) + " %"
	case "ops", "reqps":
		return number(v) + "/s"
	case "d":
		return strconv.FormatFloat(v, 'f', 0, 64) + " d"
	}
	if v == math.Trunc(v) && v < 1e6 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return number(v)
}
