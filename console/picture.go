package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Pictures are inline SVG made of numbers and our own words; colours come from
// the style sheet by class, so that they follow light and dark.

// bars draws records per hour, the last hour at the right.
func bars(perHour []int64, now time.Time) template.HTML {
	const w, h, gap = 480, 96, 2
	most := int64(1)
	for _, n := range perHour {
		most = max(most, n)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-label="Records done per hour, last %d hours, at most %d">`, w, h+18, len(perHour), most)
	step := w / max(1, len(perHour))
	for i, n := range perHour {
		tall := int(n * h / most)
		if n > 0 {
			tall = max(tall, 2)
		}
		at := now.UTC().Truncate(time.Hour).Add(-time.Duration(len(perHour)-1-i) * time.Hour)
		fmt.Fprintf(&b, `<rect class="bar" x="%d" y="%d" width="%d" height="%d"><title>%s to %s: %d</title></rect>`, i*step, h-tall, step-gap, tall, at.Format("15:04"), at.Add(time.Hour).Format("15:04"), n)
		if i%6 == 0 {
			fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d">%s</text>`, i*step, h+14, at.Format("15:04"))
		}
	}
	fmt.Fprintf(&b, `<line class="axis" x1="0" y1="%d" x2="%d" y2="%d"/></svg>`, h, w, h)
	return template.HTML(b.String()) //nolint:gosec // numbers and times only
}

// dots draws how long records took, one dot each, the newest at the right. The
// scale is by powers: a second at the bottom, a day at the top.
func dots(lags []time.Duration) template.HTML {
	const w, h = 480, 96
	marks := []struct {
		at   time.Duration
		name string
	}{{time.Second, "1 s"}, {time.Minute, "1 min"}, {time.Hour, "1 h"}, {24 * time.Hour, "1 day"}}
	place := func(d time.Duration) int {
		low := 0
		for i := 1; i < len(marks); i++ {
			from, to := marks[i-1].at, marks[i].at
			if d >= to {
				low = i
				continue
			}
			if d <= from {
				return h - low*h/(len(marks)-1)
			}
			part := int(int64(h/(len(marks)-1)) * int64(d-from) / int64(to-from))
			return h - low*h/(len(marks)-1) - part
		}
		return 0
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="-48 -6 %d %d" role="img" aria-label="Time from a change in NetSuite to done, of the last %d records">`, w+56, h+14, len(lags))
	for _, m := range marks {
		y := place(m.at)
		fmt.Fprintf(&b, `<line class="grid" x1="0" y1="%d" x2="%d" y2="%d"/><text class="tick" x="-6" y="%d" text-anchor="end">%s</text>`, y, w, y, y+4, m.name)
	}
	for i, d := range lags {
		fmt.Fprintf(&b, `<circle class="dot" cx="%d" cy="%d" r="3.5"><title>%s</title></circle>`, (i+1)*w/(len(lags)+1), place(d), d.Round(time.Millisecond))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // numbers and durations only
}

// gaugeBar draws how much of a budget is left.
func gaugeBar(left, limit int) template.HTML {
	const w = 200
	full := 0
	if limit > 0 {
		full = w * max(0, min(left, limit)) / limit
	}
	class := "left"
	if full < w/10 {
		class = "spent"
	}
	return template.HTML(fmt.Sprintf(`<svg class="gauge" viewBox="0 0 %d 10" role="img" aria-label="%d of %d calls left"><rect class="all" width="%d" height="10" rx="3"/><rect class="%s" width="%d" height="10" rx="3"/></svg>`, w, left, limit, w, class, full)) //nolint:gosec // numbers only
}
