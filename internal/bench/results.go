package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// resultsFile is what the tables and charts of docs/performance.md are made of.
const resultsFile = "docs/performance/results.json"

// results of a run.
type results struct {
	Date, Machine, Versions string
	Goals                   []goal
	Tables                  []table
	Charts                  []chart
}

// goal is a row of the table of goals.
type goal struct {
	ID, What, Goal string
	Figure         string // with the limit or peer that it is measured against
	Met            bool
}

// table is printed as it is.
type table struct {
	Title   string
	Columns []string
	Rows    [][]string
}

// chart is drawn as bars.
type chart struct {
	File, Title, Unit string
	Bars              []bar
}

// bar of a chart. Ours is drawn in another colour.
type bar struct {
	Label string
	Value float64
	Ours  bool
}

func newResults() results {
	return results{Date: time.Now().UTC().Format("2006-01-02"), Machine: machine(), Versions: versions()}
}

// versions of what is measured with.
func versions() string {
	out := []string{runtime.Version()}
	if b, err := exec.Command("redis-server", "--version").Output(); err == nil {
		if _, v, ok := strings.Cut(string(b), "v="); ok {
			v, _, _ = strings.Cut(v, " ")
			out = append(out, "redis-server "+v)
		}
	}
	if b, err := os.ReadFile("internal/bench/peers.mod"); err == nil {
		for _, m := range []string{"asynq", "watermill-redisstream"} {
			for line := range strings.Lines(string(b)) {
				if path, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasSuffix(path, "/"+m) {
					out = append(out, m+" "+strings.Fields(v)[0])
				}
			}
		}
	}
	if b, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		out = append(out, "commit "+strings.TrimSpace(string(b)))
	}
	return strings.Join(out, ", ")
}

// goal notes a goal and says it.
func (b *bench) goal(id, what, want, figure string, met bool) {
	b.r.Goals = append(b.r.Goals, goal{id, what, want, figure, met})
	b.say("   %s: %s (goal: %s)%s", id, figure, want, map[bool]string{false: "  MISSED"}[met])
}

func (b *bench) table(t table) { b.r.Tables = append(b.r.Tables, t) }
func (b *bench) chart(c chart) { b.r.Charts = append(b.r.Charts, c) }

// printGoals prints the table of goals.
func (r results) printGoals(w io.Writer) {
	for _, g := range r.Goals {
		mark := "met   "
		if !g.Met {
			mark = "MISSED"
		}
		_, _ = fmt.Fprintf(w, "%s  %-4s %s: %s   (goal: %s)\n", mark, g.ID, g.What, g.Figure, g.Goal)
	}
}

func (r results) write(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
