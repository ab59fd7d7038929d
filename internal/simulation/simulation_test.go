package simulation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ml-connector/ml-connector/internal/simulation"
	"github.com/ml-connector/ml-connector/internal/soak"
)

var approaches = [...]string{"INVOICE", "STOCK"}

// pollSeldom keeps the poller as a safety net without filling the
// virtual time with polls.
var pollSeldom = []string{"every: 30s", "every: 20m"}

// clean is what Cin7 holds after an undisturbed month, by approach.
func clean(t *testing.T) map[string]simulation.State {
	t.Helper()
	out := map[string]simulation.State{}
	for _, approach := range approaches {
		t.Run("clean "+approach, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := simulation.New(t, simulation.Options{Approach: approach, Edit: pollSeldom})
				w.TellPast()
				w.TellLive()
				w.Start()
				w.Apply()
				w.Await(time.Hour, w.Settled)
				if twice, strays := simulation.Twice(w.Cin7); len(twice)+strays > 0 {
					t.Fatal(twice, strays)
				}
				out[approach] = simulation.Cin7State(w.Cin7)
			})
		})
	}
	if t.Failed() {
		t.FailNow()
	}
	return out
}

// seeds are those of MLC_SEED, one or first-last, to replay what failed, else
// the first n.
func seeds(t *testing.T, short, long int) []uint64 {
	t.Helper()
	first, last := uint64(1), uint64(soak.N(short, long))
	if s := os.Getenv("MLC_SEED"); s != "" {
		from, to, isRange := strings.Cut(s, "-")
		if !isRange {
			to = from
		}
		var err1, err2 error
		first, err1 = strconv.ParseUint(from, 10, 64)
		last, err2 = strconv.ParseUint(to, 10, 64)
		if err := errors.Join(err1, err2); err != nil || last < first {
			t.Fatalf("MLC_SEED=%s: want a number or first-last (%v)", s, err)
		}
	}
	var out []uint64
	for n := first; n <= last; n++ {
		out = append(out, n)
	}
	return out
}

// perProcess is how many worlds a process plays: what is left of each in
// memory adds up.
const perProcess = 500

// inProcesses plays many seeds in one process after the other, each a child
// that runs this very test for some of them.
func inProcesses(t *testing.T, all []uint64) {
	for some := range slices.Chunk(all, perProcess) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=30m")
		cmd.Env = append(os.Environ(), fmt.Sprintf("MLC_SEED=%d-%d", some[0], some[len(some)-1]))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("seeds %d to %d: %v\n%s", some[0], some[len(some)-1], err, out[max(0, len(out)-8000):])
			return
		}
		t.Logf("seeds %d to %d are as they must be", some[0], some[len(some)-1])
	}
}

// sideBySide runs a test for each seed, as many at once as there are
// processors. Unlike parallel subtests they do not all begin and wait: of ten
// thousand worlds only those at work are in memory.
func sideBySide(t *testing.T, all []uint64, f func(t *testing.T, seed uint64)) {
	work := make(chan uint64)
	var crews sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		crews.Go(func() {
			for seed := range work {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { f(t, seed) })
			}
		})
	}
	for _, seed := range all {
		work <- seed
	}
	close(work)
	crews.Wait()
}

// Webhooks that are lost, doubled, late and shuffled end where a clean run
// ends: in Cin7 every document is equal to the last field.
func TestHooksInAnyOrder(t *testing.T) {
	all := seeds(t, 8, 10_000)
	if len(all) > perProcess {
		if inProcesses(t, all); !t.Failed() {
			soak.Figure(t, "hooks lost, doubled, late, shuffled: end state differs from a clean run", "%s seeds", soak.NoneOf(len(all)))
		}
		return
	}
	want := clean(t)
	sideBySide(t, all, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			approach := approaches[r.IntN(2)]
			w := simulation.New(t, simulation.Options{Approach: approach, Edit: pollSeldom, Idle: 20 * time.Second, Beat: 30 * time.Second})
			w.Start()
			w.Apply()
			s := w.Tell(r, 1+r.IntN(4))
			w.Play(s)
			w.Await(4*time.Hour, func() []string { return w.Unfinished(s) })
			bad := simulation.Cin7State(w.Cin7).Against(want[approach], s.Told())
			twice, strays := simulation.Twice(w.Cin7)
			if len(bad)+len(twice)+strays > 0 {
				t.Errorf("replay with MLC_SEED=%d: %s\n%v, %d strays\n%s", seed, strings.Join(bad, "\n"), twice, strays, w.Log(20))
			}
		})
	})
	if t.Failed() {
		return
	}
	soak.Figure(t, "hooks lost, doubled, late, shuffled: end state differs from a clean run", "%s seeds", soak.NoneOf(len(all)))
}
