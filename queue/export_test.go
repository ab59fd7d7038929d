package queue

// The bounds of what waits for a flight.
const (
	MaxGathered  = maxGathered
	WorthAFlight = worthAFlight
	Patience     = patience
)

// Gathered is how many posts wait for a flight and have somebody waiting.
func (q *Queue) Gathered() int {
	q.gather.mu.Lock()
	defer q.gather.mu.Unlock()
	return len(q.gather.waiting)
}
