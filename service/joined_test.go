package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Who asks for the same at the same time shares one read; who comes soon after
// gets what it found; nobody's leaving ends it for the others.
func TestJoinedReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJoined[int](1, time.Hour, 8)
		reads := 0
		read := func(ctx context.Context) (int, error) {
			reads++
			n := reads
			select {
			case <-time.After(10 * time.Second):
				return n, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := s.get(first, "acme", "k", time.Minute, read); !errors.Is(err, context.Canceled) {
				t.Errorf("who leaves is told %v", err)
			}
		})
		time.Sleep(time.Second) //nolint:forbidigo // virtual
		for range 20 {
			wg.Go(func() {
				if v, _, err := s.get(t.Context(), "acme", "k", time.Minute, read); v != 1 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
		}
		time.Sleep(time.Second) //nolint:forbidigo // virtual
		leave()
		wg.Wait()
		at := time.Now()
		time.Sleep(30 * time.Second) //nolint:forbidigo // virtual
		if v, made, err := s.get(t.Context(), "acme", "k", time.Minute, read); v != 1 || !made.Equal(at) || err != nil {
			t.Errorf("soon after: %d of %s, %v; want 1 of %s", v, made, err, at)
		}
		if v, _, err := s.get(t.Context(), "acme", "k", 0, read); v != 2 || err != nil {
			t.Errorf("afresh: %d, %v", v, err)
		}
		time.Sleep(2 * time.Minute) //nolint:forbidigo // virtual
		if v, _, err := s.get(t.Context(), "acme", "k", time.Minute, read); v != 3 || err != nil {
			t.Errorf("when it is old: %d, %v", v, err)
		}
		if reads != 3 {
			t.Errorf("%d reads, want 3", reads)
		}
	})
}

// A tenant has so many reads at once and no more; others are not held up by
// it. A read that takes too long ends, and a panic is an error.
func TestJoinedReadsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newJoined[int](2, 5*time.Minute, 3)
		running, most := map[string]int{}, map[string]int{}
		var mu sync.Mutex
		read := func(tenant string, takes time.Duration) func(context.Context) (int, error) {
			return func(ctx context.Context) (int, error) {
				mu.Lock()
				running[tenant]++
				most[tenant] = max(most[tenant], running[tenant])
				mu.Unlock()
				defer func() { mu.Lock(); running[tenant]--; mu.Unlock() }()
				select {
				case <-time.After(takes):
					return 1, nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			}
		}
		var wg sync.WaitGroup
		for i := range 10 {
			for _, tenant := range []string{"acme", "basin"} {
				wg.Go(func() {
					if _, _, err := s.get(t.Context(), tenant, fmt.Sprint(i), time.Minute, read(tenant, 10*time.Second)); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		if most["acme"] != 2 || most["basin"] != 2 {
			t.Errorf("at once: %v, want 2 each", most)
		}
		if len(s.kept) > 3 || len(s.slots) > 0 {
			t.Errorf("%d results and %d turns are kept, want at most 3 and none", len(s.kept), len(s.slots))
		}
		if _, _, err := s.get(t.Context(), "acme", "slow", 0, read("acme", time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a slow read: %v", err)
		}
		if _, _, err := s.get(t.Context(), "acme", "panic", 0, func(context.Context) (int, error) { panic("no") }); err == nil {
			t.Error("a panic is no error")
		}
		if _, _, err := s.get(t.Context(), "acme", "panic", 0, read("acme", time.Second)); err != nil {
			t.Errorf("after a panic: %v", err)
		}
	})
}

// A reconciliation that a person asked for takes the place of the nightly one
// when it covers as much.
func TestStandsFor(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	nightly := Period{From: "2026-10-01", To: "2026-11-21"}
	for p, want := range map[Period]bool{
		{From: "2026-10-01", To: "2026-11-20"}: true, {From: "2026-01-01", To: "2026-11-30"}: true, {From: "2026-10-01", To: "2026-11-21"}: true,
		{From: "2026-11-01", To: "2026-11-20"}: false, {From: "2026-10-01", To: "2026-11-19"}: false,
	} {
		if got := standsFor(p, nightly, now); got != want {
			t.Errorf("%s to %s: %v, want %v", p.From, p.To, got, want)
		}
	}
}
