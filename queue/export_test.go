package queue

// MaxGathered is the bound of the posts that wait for a flight.
const MaxGathered = maxGathered

// Gathered is how many posts wait for a flight and have somebody waiting.
func (q *Queue) Gathered() int {
	q.gather.mu.Lock()
	defer q.gather.mu.Unlock()
	return len(q.gather.waiting)
}
