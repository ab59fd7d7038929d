// Command bench measures the speed and the cost of the service: each figure
// beside a limit or a peer that was measured in the same run, because only such
// ratios mean anything on a machine that others use too. It writes its results
// to docs/performance/results.json; `bench render` makes the tables and charts of
// docs/performance.md from them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	name := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	switch name {
	case "run":
		return measure(args)
	case "render":
		return render()
	case "drive":
		return driveMain(args)
	case "bare":
		return bareMain()
	case "receiver":
		return receiverMain()
	case "xadd":
		return xaddMain()
	case "group":
		return groupMain()
	case "door":
		return doorMain()
	}
	return fmt.Errorf("no command %q", name)
}

// bench is a run.
type bench struct {
	self, program, peers string // binaries
	slowSync             string // library, "" without a C compiler
	rounds               int
	seconds              float64
	out                  io.Writer
	r                    results
}

// section is a part of the measurements.
type section struct {
	name string
	run  func(*bench, context.Context) error
}

var sections = []section{
	{"receive", (*bench).receive}, {"slow disk", (*bench).slowDisk}, {"one connection", (*bench).oneConnection}, {"drain", (*bench).drain},
	{"memory", (*bench).memory}, {"start", (*bench).start}, {"first call", (*bench).firstCall}, {"tenants", (*bench).tenants}, {"polls", (*bench).polls}, {"code", (*bench).code}, {"proofs", (*bench).proofs},
}

// more sections run only when they are named.
var more = []section{{"profile", (*bench).profile}}

// measure runs the sections and writes the results.
func measure(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{out: os.Stdout}
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.StringVar(&b.program, "program", "bin/ml-connector", "the service")
	f.StringVar(&b.peers, "peers", "bin/bench-peers", "the peers")
	f.IntVar(&b.rounds, "rounds", 3, "rounds of each measurement; the median counts")
	f.Float64Var(&b.seconds, "seconds", 2, "length of each load")
	only := f.String("only", "", "sections to run, with a comma between; then no results are written")
	file := f.String("results", resultsFile, "where the results go")
	if err := f.Parse(args); err != nil {
		return err
	}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mlc-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if cc, err := exec.LookPath("cc"); err == nil {
		b.slowSync = filepath.Join(dir, "slowsync.so")
		if out, err := exec.CommandContext(ctx, cc, "-shared", "-fPIC", "-O1", "-o", b.slowSync, "internal/bench/slowsync/slowsync.c", "-ldl").CombinedOutput(); err != nil {
			return fmt.Errorf("cc: %w\n%s", err, out)
		}
	}
	b.r = newResults()
	began := time.Now()
	var failed error
	for _, s := range slices.Concat(sections, more) {
		if *only == "" && s.name == "profile" {
			continue
		}
		if *only != "" && !strings.Contains(","+*only+",", ","+s.name+",") {
			continue
		}
		at := time.Now()
		b.say("\n== %s", s.name)
		if err := s.run(b, ctx); err != nil {
			if ctx.Err() != nil {
				return err
			}
			// The other sections are worth having.
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
			b.say("   FAILED: %v", err)
		}
		b.say("   (%s took %.0f s)", s.name, time.Since(at).Seconds())
	}
	b.say("\nMeasured in %.0f s on %s, %s\n", time.Since(began).Seconds(), b.r.Machine, b.r.Versions)
	b.r.printGoals(b.out)
	if *only != "" {
		return failed
	}
	return errors.Join(failed, b.r.write(*file))
}

func (b *bench) say(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format+"\n", args...) }

// bareHandler is the limit: a handler that reads the body and answers.
func bareHandler(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusAccepted)
}

// machine describes where this runs.
func machine() string {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	memory := ""
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int
		if _, err := fmt.Sscanf(string(b), "MemTotal: %d kB", &kb); err == nil {
			memory = fmt.Sprintf(", %d GB", (kb+512<<10)>>20)
		}
	}
	return fmt.Sprintf("%d cores of %s%s, %s/%s", runtime.NumCPU(), model, memory, runtime.GOOS, runtime.GOARCH)
}
