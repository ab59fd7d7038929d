package simulation_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ml-connector/ml-connector/internal/simulation"
	"github.com/ml-connector/ml-connector/internal/soak"
)

// pollInterval is the default of a tenant with webhooks.
const pollInterval = 15 * time.Minute

// deliveries are what may become of a story's webhooks.
var deliveries = []struct {
	name  string
	hooks func(r *rand.Rand, s simulation.Story) []simulation.Hook
}{
	{"all lost", func(*rand.Rand, simulation.Story) []simulation.Hook { return nil }},
	{"50 % lost, the others three times more, shuffled", func(r *rand.Rand, s simulation.Story) []simulation.Hook {
		var out []simulation.Hook
		for _, i := range r.Perm(len(s.Events))[:(len(s.Events)+1)/2] {
			for range 4 {
				e := s.Events[i]
				out = append(out, simulation.Hook{At: s.At[i] + time.Duration(r.IntN(1200))*time.Second, Type: e.Type, ID: strconv.FormatInt(e.ID, 10)})
			}
		}
		slices.SortStableFunc(out, func(a, b simulation.Hook) int { return int(a.At - b.At) })
		return out
	}},
}

// However many webhooks are lost, doubled or shuffled: the end is that of an
// undisturbed month, and it comes no later than two intervals of the poller
// and the time that its calls take after the last change.
func TestHooksLostAreMadeUpFor(t *testing.T) {
	want := clean(t)
	for _, d := range deliveries {
		t.Run(d.name, func(t *testing.T) {
			var latest, longest time.Duration
			all := seeds(t, 2, 300)
			for _, seed := range all {
				synctest.Test(t, func(t *testing.T) {
					r := rand.New(rand.NewPCG(seed, 11))
					approach := approaches[r.IntN(2)]
					w := simulation.New(t, simulation.Options{Approach: approach, Edit: []string{"every: 30s", "every: 15m"}, Idle: 20 * time.Second})
					w.Start()
					w.Apply()
					s := w.Tell(r, 1+r.IntN(4))
					s.Hooks = d.hooks(r, s)
					w.Play(simulation.Story{Events: s.Events, At: s.At, Hooks: hooksUntil(s, s.At[len(s.At)-1])})
					last, calls := time.Now(), len(w.Cin7.Calls())
					late := simulation.Story{}
					for _, h := range s.Hooks {
						if h.At > s.At[len(s.At)-1] {
							late.Hooks = append(late.Hooks, simulation.Hook{At: h.At - s.At[len(s.At)-1], Type: h.Type, ID: h.ID})
						}
					}
					ended := make(chan time.Duration, 1)
					go func() {
						for len(w.Unfinished(s)) > 0 && time.Since(last) < 6*time.Hour {
							time.Sleep(10 * time.Second) //nolint:forbidigo // virtual
						}
						ended <- time.Since(last)
					}()
					w.Play(late)
					took := <-ended
					work := time.Duration(len(w.Cin7.Calls())-calls) * time.Minute / 45
					if most := 2*pollInterval + work + time.Minute; took > most {
						t.Errorf("replay with MLC_SEED=%d: in step %s after the last change, want at most %s: %v\n%s", seed, took, most, w.Unfinished(s), w.Log(15))
					}
					latest, longest = max(latest, took-work), max(longest, took)
					bad := simulation.Cin7State(w.Cin7).Against(want[approach], s.Told())
					twice, strays := simulation.Twice(w.Cin7)
					if len(bad)+len(twice)+strays > 0 {
						t.Errorf("replay with MLC_SEED=%d: %s\n%v, %d strays\n%s", seed, strings.Join(bad, "\n"), twice, strays, w.Log(20))
					}
				})
			}
			if !t.Failed() {
				soak.Figure(t, "webhooks: "+d.name, "the same end state in %d of %d runs, at the latest %s after the last change, or %s beside the time that its calls took; polled every %s", len(all), len(all), longest.Round(time.Second), max(0, latest).Round(time.Second), pollInterval)
			}
		})
	}
}

// hooksUntil are the webhooks of a story that arrive up to a time.
func hooksUntil(s simulation.Story, end time.Duration) []simulation.Hook {
	var out []simulation.Hook
	for _, h := range s.Hooks {
		if h.At <= end {
			out = append(out, h)
		}
	}
	return out
}
