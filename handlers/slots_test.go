package handlers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/distributor"
)

// Three processes read one account, in the background and for what happens now.
func TestSlotsAreSharedByProcesses(t *testing.T) {
	const limit = 3
	m := miniredis.RunT(t)
	var now, background, most, mostBackground atomic.Int64
	over := func(most *atomic.Int64, n int64) {
		for have := most.Load(); n > have && !most.CompareAndSwap(have, n); have = most.Load() {
		}
	}
	var all sync.WaitGroup
	for range 3 {
		rdb := redis.NewClient(&redis.Options{Addr: m.Addr()})
		t.Cleanup(func() { _ = rdb.Close() })
		b := NewBudget(rdb)
		for i := range 8 {
			all.Go(func() {
				quiet := i%2 == 0
				for range 5 {
					free, err := b.slot(t.Context(), "1234567_SB1", limit, quiet)
					if err != nil {
						t.Error(err)
						return
					}
					over(&most, now.Add(1))
					if quiet {
						over(&mostBackground, background.Add(1))
					}
					<-time.After(time.Millisecond) // the request
					if quiet {
						background.Add(-1)
					}
					now.Add(-1)
					free()
				}
			})
		}
	}
	all.Wait()
	if most.Load() > limit || most.Load() < 2 {
		t.Errorf("%d requests were in flight at once, want up to %d", most.Load(), limit)
	}
	if mostBackground.Load() >= limit {
		t.Errorf("%d of them in the background, want at most %d", mostBackground.Load(), limit-1)
	}
	if left := m.Keys(); len(left) != 0 {
		t.Errorf("%q are left over", left)
	}
}

func TestSlotsOfTheDeadComeBack(t *testing.T) {
	b, setTime := virtual(t)
	start := time.Now()
	if _, err := b.slot(t.Context(), "1234567", 1, false); err != nil { // and dies
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.slot(short, "1234567", 1, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second slot of one: got %v, want it to wait", err)
	}
	if _, err := b.slot(t.Context(), "7654321", 1, true); err != nil {
		t.Errorf("another account: got %v", err)
	}
	// The next holder of its lane has waited for the lease; it does not wait again.
	setTime(start.Add(31 * time.Second))
	long, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := b.slot(long, "1234567", 1, false); err != nil {
		t.Errorf("31 s later: got %v", err)
	}
}

// A request may take longer than a slot lasts; it is in flight all the same.
func TestSlotIsKeptWhileItsRequestIsInFlight(t *testing.T) {
	b, setTime := virtual(t)
	start := time.Now()
	const key, holder = "mlc:slots:1234567", "a request"
	verb := func(verb, holder string) int64 {
		got, err := slotScript.Run(t.Context(), b.rdb, []string{key}, verb, holder, 1, slotFor.Milliseconds()).Int64()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if verb("take", holder) != 1 {
		t.Fatal("the first slot was not given")
	}
	for passed := slotWord; passed <= 2*time.Minute; passed += slotWord {
		setTime(start.Add(passed))
		if verb("keep", holder) != 1 || verb("take", "another") != 0 {
			t.Fatalf("after %s the slot was lost to another request", passed)
		}
	}
	if verb("leave", holder); verb("keep", holder) != 0 || verb("take", "another") != 1 {
		t.Error("a slot that was given back is still held")
	}
}

func TestHolderSaysThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := 0
		stop := whileHeld(slotWord, func() { said++ })
		<-time.After(2*time.Minute + time.Second)
		synctest.Wait()
		if want := int(2 * time.Minute / slotWord); said != want {
			t.Errorf("in two minutes it was said %d times, want %d", said, want)
		}
		stop()
		<-time.After(time.Hour)
		synctest.Wait()
		if want := int(2 * time.Minute / slotWord); said != want {
			t.Errorf("after the end it was said %d times, want %d", said, want)
		}
	})
}

func TestSlotsWithoutRedis(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() })
	free, err := NewBudget(rdb).slot(t.Context(), "1234567", 1, false)
	if err != nil {
		t.Fatalf("got %v: the client's own count has to do", err)
	}
	free()
}

// The worker's clients ask for the slots that all processes share.
func TestWorkersShareSlots(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	account, limit := s.tenant.NetSuite.AccountID, s.tenant.NetSuite.MaxConcurrency
	var taken []func()
	for range limit {
		free, err := s.worker.budget.slot(t.Context(), account, limit, false)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, free)
	}
	c, err := NetSuiteClient(s.tenant, s.creds, s.worker.o.Transport, s.now, nil)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Ping(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with all slots taken elsewhere: got %v, want it to wait", err)
	}
	for _, free := range taken {
		free()
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("once they are free: %v", err)
	}
}
