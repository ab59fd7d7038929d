package cin7test

import (
	"slices"
	"time"
)

// window is the time in which calls are counted (3).
const window = time.Minute

// grant counts a call against the sliding window of its application key, and
// says whether it is within the limit. Refused calls are not counted.
func (s *Sim) grant(app string) bool {
	if s.o.CallsPerMinute < 0 {
		return true
	}
	now := s.o.Now()
	recent := s.granted[app]
	for len(recent) > 0 && !recent[0].After(now.Add(-window)) {
		recent = recent[1:]
	}
	ok := len(recent) < s.o.CallsPerMinute
	if ok {
		recent = append(recent, now)
	}
	s.granted[app] = recent
	return ok
}

// MaxInWindow is the highest number of calls of one application that arrived
// within any 60 s, refused ones included.
func (s *Sim) MaxInWindow() int {
	perApp := map[string][]time.Time{}
	for _, c := range s.Calls() {
		perApp[c.Application] = append(perApp[c.Application], c.At)
	}
	most := 0
	for _, at := range perApp {
		slices.SortFunc(at, time.Time.Compare)
		first := 0
		for last := range at {
			for !at[first].After(at[last].Add(-window)) {
				first++
			}
			most = max(most, last-first+1)
		}
	}
	return most
}
