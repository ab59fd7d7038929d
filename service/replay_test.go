package service_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
)

// One captured post, sent again and again with its secret: its marks are one,
// the record is read once a turn of the lane and is found unchanged, and
// nothing is written.
func TestReplayedPostWritesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.world.TellPast()
	e.world.TellLive()
	e.start()
	e.apply()
	e.allWell()
	var bill distributor.Outcome
	for _, o := range e.outcomes() {
		if o.Type == "vendorbill" && o.State == "completed" {
			bill = o
		}
	}
	if bill.ID == "" {
		t.Fatal("no bill is completed: nothing to replay")
	}
	writes, reads, asked, start := e.world.Cin7.Writes(), len(e.world.Cin7.Calls()), len(e.world.NetSuite.Calls()), time.Now()
	n := soak.N(3000, 1_000_000)
	const senders = 8
	body := fmt.Sprintf(`{"recordType":"vendorbill","id":%q,"eventType":"edit"}`, bill.ID)
	var mu sync.Mutex
	answers, deepest := map[int]int{}, int64(0)
	stop := make(chan struct{})
	var watch, group sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if l, err := e.rooms.Queue.Lane(t.Context(), tenantID); err == nil {
				deepest = max(deepest, l.Depth[queue.Live])
			}
		}
	})
	for range senders {
		group.Go(func() {
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for range n / senders {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.hook(), strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				res, err := c.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				mu.Lock()
				answers[res.StatusCode]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	e.await(60*time.Second, func() []string {
		l, err := e.rooms.Queue.Lane(t.Context(), tenantID)
		if err != nil || l.Depth[queue.Live] > 0 {
			return []string{fmt.Sprint(l.Depth, err)}
		}
		return nil
	})
	close(stop)
	watch.Wait()
	took := time.Since(start)
	reads, asked = len(e.world.Cin7.Calls())-reads, len(e.world.NetSuite.Calls())-asked
	if got := e.world.Cin7.Writes() - writes; got != 0 {
		t.Errorf("%d writes to Cin7", got)
	}
	if budget := int(took.Minutes()+2) * e.tenant.Cin7.CallsPerMinute; reads > budget {
		t.Errorf("%d reads of Cin7 in %s, the tenant's budget is %d", reads, took, budget)
	}
	// The one that is worked on, the one that waits behind it, and of a poll's
	// none: whatever came meanwhile is in it.
	if deepest > 3 {
		t.Errorf("%d entries waited at once: posts of one record do not coalesce", deepest)
	}
	if answers[http.StatusAccepted] == 0 || len(answers) > 2 || len(answers) == 2 && answers[http.StatusServiceUnavailable] == 0 {
		t.Errorf("got the answers %v", answers)
	}
	if asked > n/2 {
		t.Errorf("%d requests to NetSuite for %d posts", asked, n)
	}
	soak.Figure(t, "one post replayed", "%d times, answers %v, in %s: at most %d entries waited, %d requests to NetSuite, %d reads of Cin7, 0 writes", n/senders*senders, answers, took.Round(time.Second), deepest, asked, reads)
}
