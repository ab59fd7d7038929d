package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
)

// Story is a part of the month, told in an order and at times that a seed
// decides.
type Story struct {
	Events []distributor.Event
	At     []time.Duration // when each happens, from the start
	Hooks  []Hook          // by time
}

// Hook is a webhook on its way.
type Hook struct {
	At   time.Duration
	Type string
	ID   string
}

// Tell makes a story: some orders with all their documents, in causal order
// but mixed among each other. Half of the webhooks are lost, the others come
// once to three times, up to twenty minutes late, in any order.
func (w *World) Tell(r *rand.Rand, orders int) Story {
	all := w.Events()
	var numbers []int64
	for _, e := range all {
		if e.Type == "purchaseorder" {
			numbers = append(numbers, e.ID)
		}
	}
	r.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	chosen := numbers[:min(orders, len(numbers))]
	// Each order is a queue of its own; vendors come first.
	queues := map[int64][]distributor.Event{}
	var s Story
	for _, e := range all {
		switch {
		case e.Type == "vendor":
			s.Events = append(s.Events, e)
		case e.Order == 0 || slices.Contains(chosen, e.Order):
			queues[e.Order] = append(queues[e.Order], e)
		}
	}
	s.At = make([]time.Duration, len(s.Events))
	at := time.Duration(0)
	keys := append(slices.Clone(chosen), 0)
	for len(keys) > 0 {
		i := r.IntN(len(keys))
		q := queues[keys[i]]
		// A bill may come before the goods.
		if len(q) == 2 && q[0].Type == "itemreceipt" && q[1].Type == "vendorbill" && r.IntN(2) == 0 {
			q[0], q[1] = q[1], q[0]
		}
		at += time.Duration(r.IntN(240)) * time.Second
		s.Events, s.At = append(s.Events, q[0]), append(s.At, at)
		if queues[keys[i]] = q[1:]; len(q) == 1 {
			keys = slices.Delete(keys, i, i+1)
		}
	}
	for i, e := range s.Events {
		if r.IntN(2) == 0 {
			continue // lost
		}
		for range 1 + r.IntN(3) {
			s.Hooks = append(s.Hooks, Hook{s.At[i] + time.Duration(r.IntN(1200))*time.Second, e.Type, strconv.FormatInt(e.ID, 10)})
		}
	}
	slices.SortStableFunc(s.Hooks, func(a, b Hook) int { return int(a.At - b.At) })
	return s
}

// Play lets a story happen. It returns when the last of it has.
func (w *World) Play(s Story) {
	start := time.Now()
	e, h := 0, 0
	for e < len(s.Events) || h < len(s.Hooks) {
		if h >= len(s.Hooks) || e < len(s.Events) && s.At[e] <= s.Hooks[h].At {
			pass(time.Until(start.Add(s.At[e])))
			s.Events[e].Put()
			e++
			continue
		}
		pass(time.Until(start.Add(s.Hooks[h].At)))
		w.Hook(s.Hooks[h].Type, s.Hooks[h].ID)
		h++
	}
}

// Told says of a marker whether its record is part of the story. Vendors that
// nobody buys from are.
func (s Story) Told() func(marker string) bool {
	told := map[string]bool{}
	for _, e := range s.Events {
		told[fmt.Sprintf("NS:%s:%d@%s", e.Type, e.ID, distributor.NetSuiteAccount)] = true
	}
	return func(m string) bool { return told[m] }
}

// Unfinished says which records of the story have not come to their end.
func (w *World) Unfinished(s Story) []string {
	told := map[string]bool{}
	for _, e := range s.Events {
		told[e.Type+" "+strconv.FormatInt(e.ID, 10)] = true
	}
	var out []string
	for _, line := range distributor.Check(w.Outcomes()) {
		if f := strings.Fields(line); told[f[0]+" "+f[1]] || !strings.HasSuffix(strings.Split(line, ",")[0], "unknown to the service") {
			out = append(out, line)
		}
	}
	return out
}
