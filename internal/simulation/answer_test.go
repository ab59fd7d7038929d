package simulation_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/simulation"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// pollNever leaves everything to the marks: no scenario takes a day.
var pollNever = []string{"every: 30s", "every: 24h"}

// end is where a scenario ends.
type end struct {
	Cin7    simulation.State
	Records map[string]string
	Strays  int
	Calls   []cin7test.Call
}

// play runs a scenario to its rest and returns where it ends. spoil is called
// before the service starts. What counts must not happen twice on the way.
func play(t *testing.T, s simulation.Scenario, o simulation.Options, spoil func(w *simulation.World)) end {
	t.Helper()
	o.Approach, o.Distributor = s.Approach, s.Account
	if o.Cin7 == nil {
		o.Cin7 = s.Proxy
	}
	o.Edit = slices.Concat(o.Edit, s.Edit, pollNever)
	w := simulation.New(t, o)
	if spoil != nil {
		spoil(w)
	}
	w.Start()
	w.Apply()
	for _, part := range s.Parts {
		if err := simulation.Mark(t.Context(), w.Rooms, part(w.World)); err != nil {
			t.Fatal(err)
		}
		rest(t, w)
	}
	// What Cin7 refuses, by its words, is for a person: who retries it.
	n, err := w.Rooms.States.Tenant(simulation.Tenant).Retry(t.Context(), w.Rooms.Queue, state.Filter{State: queue.Parked, Reason: handlers.ParkCin7Refused}, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		rest(t, w)
	}
	twice, strays := simulation.Twice(w.Cin7)
	for _, line := range twice {
		t.Errorf("%s\n%s", line, w.Log(30))
	}
	ends, err := simulation.Ends(t.Context(), w.Rooms)
	if err != nil {
		t.Fatal(err)
	}
	if n := w.Cin7.ClearFaults(); n > 0 {
		t.Errorf("%d faults did not strike", n)
	}
	return end{simulation.Cin7State(w.Cin7), ends, strays, w.Cin7.Calls()}
}

// rest waits until nothing is left to do.
func rest(t *testing.T, w *simulation.World) {
	t.Helper()
	w.Await(6*time.Hour, func() []string {
		out, err := simulation.Restless(t.Context(), w.Rooms)
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
}

func everything(string) bool { return true }

// listing makes every second case look purchases up in a list that is kept,
// however few marks it has, and the others by a call each.
func listing(n uint64) int { return int(n % 2) }

// superseded are the scenarios whose last part takes back what a part before
// said, and that leave a trace of it in Cin7.
var superseded = map[string]bool{"a receipt that changed": true, "a credit": true}

// ends are where scenarios end undisturbed.
type ends struct {
	clean map[string]end
	// atOnce: all parts are in NetSuite before the first is told.
	atOnce map[string]end
}

// holdAgainst holds the end of a disturbed run against that of an undisturbed
// one. A call that Cin7 refuses by its words (an error under 200, no effect)
// never was in it: where NetSuite changed before the next try, the end is that
// of a run in which everything was there from the start.
func (e ends) holdAgainst(t *testing.T, s simulation.Scenario, got end, shape, when string) {
	t.Helper()
	want := e.clean[s.Name]
	lines, records := got.Cin7.Against(want.Cin7, everything), cmp.Diff(got.Records, want.Records)
	if other, ok := e.atOnce[s.Name]; ok && shape == "error_200" && when == "before" && len(lines) > 0 {
		if len(got.Cin7.Against(other.Cin7, everything)) == 0 {
			want, lines, records = other, nil, cmp.Diff(got.Records, other.Records)
		}
	}
	for _, line := range lines {
		t.Error(line)
	}
	if records != "" {
		t.Errorf("got (-), want (+):\n%s", records)
	}
	if got.Strays > want.Strays {
		t.Errorf("%d drafts were left over", got.Strays)
	}
}

// cleanEnds are where the scenarios end undisturbed, and proof that together
// they reach every operation of the protocol.
func cleanEnds(t *testing.T) ends {
	t.Helper()
	out := ends{map[string]end{}, map[string]end{}}
	reached := map[string]bool{}
	for _, s := range simulation.Scenarios {
		t.Run("clean "+s.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := play(t, s, simulation.Options{}, nil)
				for _, op := range s.Ops {
					reached[op] = true
					if !slices.ContainsFunc(e.Calls, simulation.Operations[op].Matches) {
						t.Errorf("%s is not reached", op)
					}
				}
				for _, r := range slices.Sorted(maps.Keys(e.Records)) {
					if !strings.HasPrefix(e.Records[r], "completed") {
						t.Errorf("%s ends %s", r, e.Records[r])
					}
				}
				out.clean[s.Name] = e
			})
		})
		if superseded[s.Name] {
			t.Run("at once "+s.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					whole := s
					whole.Parts = []func(*distributor.World) []queue.Ref{func(d *distributor.World) (refs []queue.Ref) {
						for _, part := range s.Parts {
							refs = append(refs, part(d)...)
						}
						return refs
					}}
					out.atOnce[s.Name] = play(t, whole, simulation.Options{}, nil)
				})
			})
		}
	}
	for _, op := range handlers.WriteOperations() {
		if !reached[op] {
			t.Errorf("no scenario reaches the operation %s: add one, so that its crashes and lost answers are tried", op)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return out
}

// shapes are the answers that leave a write's outcome open, or are mangled on
// the way.
var shapes = [...]string{"close", "reset", "timeout", "half_json", "wrong_length", "empty", "html", "error_200", "500", "502", "503", "504", "drip"}

// cell is one lost answer: which call of which scenario, which shape, and
// whether the call took effect before its answer was lost, not at all, or
// after the client had given up.
type cell struct {
	scenario simulation.Scenario
	op       string
	fault    cin7test.Fault
}

func cells() []cell {
	var out []cell
	for _, s := range simulation.Scenarios {
		for _, op := range s.Ops {
			o := simulation.Operations[op]
			add := func(shape, when string, delay time.Duration) {
				out = append(out, cell{s, op, cin7test.Fault{Method: o.Method, Path: o.Path, Contains: o.Contains, Shape: shape, When: when, Delay: delay}})
			}
			for _, shape := range shapes {
				add(shape, "after", 0)
				add(shape, "before", 0)
			}
			add("timeout", "late", 100*time.Second) // the client waits 60 s, the quarantine is 180 s
		}
	}
	return out
}

// Answers that are lost or mangled in every way, at every write: nothing twice,
// nothing lost, and the same end as without.
func TestLostAnswers(t *testing.T) {
	want := cleanEnds(t)
	list := cells()
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	list = list[:soak.N(8, len(list))]
	t.Run("cells", func(t *testing.T) {
		for i, c := range list {
			t.Run(fmt.Sprintf("%s, %s, %s %s", c.scenario.Name, c.op, c.fault.When, c.fault.Shape), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					got := play(t, c.scenario, simulation.Options{Idle: 20 * time.Second, Listing: listing(uint64(i))}, func(w *simulation.World) { w.Cin7.FailNext(c.fault) })
					want.holdAgainst(t, c.scenario, got, c.fault.Shape, c.fault.When)
				})
			})
		}
	})
	if t.Failed() {
		return
	}
	soak.Figure(t, "lost or mangled answers that doubled or lost something", "%s cells of %d operations, %d shapes", soak.NoneOf(len(list)), len(handlers.WriteOperations()), len(shapes))
}
