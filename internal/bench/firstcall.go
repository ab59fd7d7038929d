package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
)

// watched tells when Cin7 is asked for or told of a supplier.
type watched struct {
	next  http.Handler
	calls chan time.Time
}

func (w watched) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/supplier") {
		select {
		case w.calls <- time.Now():
		default: // nobody has looked yet: the first counts
		}
	}
	w.next.ServeHTTP(rw, r)
}

// firstCall measures how long after the answer to a webhook Cin7 is called for
// it, by the whole service with nothing else to do and simulators that answer at
// once: vendors are changed one after the other, each when the lane rests.
func (b *bench) firstCall(ctx context.Context) error {
	const posts, first = 300, 1000
	world, err := distributor.New(distributor.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = world.NetSuite.Close() }()
	vendor := func(id int64, email string) {
		world.NetSuite.PutVendor(netsuitetest.Vendor{ID: id, EntityID: fmt.Sprintf("V-%d", id), CompanyName: fmt.Sprintf("Vendor %d", id), Currency: "USD", Terms: "Net 30", Email: email})
	}
	for i := range int64(posts) {
		vendor(first+i, "")
	}
	w := watched{world.Cin7, make(chan time.Time, 1)}
	acme, err := b.company(ctx, world, world.NetSuite, w)
	if err != nil {
		return err
	}
	defer acme.stop()
	s, p := acme.redis, acme.p
	q := queue.New(s.rdb, queue.Options{})
	post := func(id int64) (time.Time, error) {
		body := fmt.Sprintf(`{"recordType":"vendor","id":"%d","type":"edit"}`, id)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+"/webhooks/netsuite/acme?secret="+distributor.WebhookSecret, strings.NewReader(body))
		if err != nil {
			return time.Time{}, err
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return time.Time{}, err
		}
		at := time.Now()
		_ = res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			return at, fmt.Errorf("a webhook was answered %s", res.Status)
		}
		return at, nil
	}
	// rests waits until a vendor is in step and nobody holds the lane.
	rests := func(id int64, limit time.Duration) error {
		rec := queue.KeyRecord("acme", queue.Ref{Type: "vendor", ID: strconv.FormatInt(id, 10)})
		return await(ctx, limit, func() error {
			lane, err := q.Lane(ctx, "acme")
			if err != nil {
				return err
			}
			if got := s.rdb.HGet(ctx, rec, "state").Val(); lane.Owner != "" || got != string(queue.Completed) {
				return fmt.Errorf("vendor %d is %q, the lane is held by %q", id, got, lane.Owner)
			}
			return nil
		})
	}
	for i := range int64(posts) { // all are made first
		if _, err := post(first + i); err != nil {
			return err
		}
	}
	for i := range int64(posts) {
		if err := rests(first+i, 2*time.Minute); err != nil {
			return err
		}
	}
	took := make([]time.Duration, 0, posts)
	for i := range int64(posts) {
		vendor(first+i, "new@example.org")
		select {
		case <-w.calls: // of before
		default:
		}
		answered, err := post(first + i)
		if err != nil {
			return err
		}
		select {
		case at := <-w.calls:
			took = append(took, max(0, at.Sub(answered)))
		case <-time.After(30 * time.Second):
			return fmt.Errorf("30 s after the webhook of vendor %d Cin7 was not called", first+i)
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := rests(first+i, time.Minute); err != nil {
			return err
		}
	}
	slices.Sort(took)
	ms := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1000 }
	b.goal("P14", "webhook answered to first Cin7 call, idle system, free upstreams", "p99 <= 100 ms", fmt.Sprintf("p50 %.0f ms, p99 %.0f ms, longest %.0f ms (%d changed vendors, one after the other)", ms(0.5), ms(0.99), ms(1), posts), ms(0.99) <= 100)
	return nil
}
