package handlers

import (
	"context"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/state"
)

// What is asked of a lane while it is held is done right after, not when the
// schedule says: a wake is lost on a lane that is held.
func TestAskedWhileHeld(t *testing.T) {
	for name, ask := range map[string]func(*state.Records, context.Context) error{"a poll": (*state.Records).RequestPoll, "a turn": (*state.Records).RequestTurn} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, distributor.Options{}, nil)
			turns, asks := 0, 1
			s.worker.chores = []Chore{func(ctx context.Context, j Job) (time.Time, error) {
				turns++
				if asked := j.Watermarks[state.PollNow]; asked != "" {
					if err := j.Records.SetWatermarks(ctx, j.Fence, map[string]string{state.PollDone: asked}); err != nil {
						return time.Time{}, err
					}
				}
				if asks > 0 { // somebody asks while the turn is under way
					asks--
					if err := ask(j.Records, ctx); err != nil {
						return time.Time{}, err
					}
					if err := s.queue.Wake(ctx, shopID, time.Time{}); err != nil {
						return time.Time{}, err
					}
				}
				return s.now().Add(time.Hour), nil
			}}
			began := s.now()
			s.serve()
			if turns != 2 || s.now().Sub(began) > time.Minute {
				t.Errorf("%d turns within %s, want 2 at once", turns, s.now().Sub(began))
			}
		})
	}
}
