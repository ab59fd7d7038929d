package service_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
)

// lateProxy spreads posts over backends and goes on using one for a while
// after it was asked to stop, as endpoints in a cluster do.
type lateProxy struct {
	*httptest.Server
	lag  time.Duration
	next atomic.Uint64
	mu   sync.Mutex
	in   []*backend
}

// backend is an instance of the service with the api role alone.
type backend struct {
	url    *url.URL
	ops    string
	cancel context.CancelFunc
	ended  chan error
}

func newLateProxy(t *testing.T, lag time.Duration) *lateProxy {
	p := &lateProxy{lag: lag}
	tr := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute}
	rp := &httputil.ReverseProxy{Transport: tr, ErrorLog: zap.NewStdLog(zap.NewNop()), Rewrite: func(r *httputil.ProxyRequest) {
		p.mu.Lock()
		b := p.in[p.next.Add(1)%uint64(len(p.in))]
		p.mu.Unlock()
		r.SetURL(b.url)
		r.SetXForwarded()
	}}
	p.Server = httptest.NewServer(rp)
	t.Cleanup(func() { p.Close(); tr.CloseIdleConnections() })
	return p
}

func (p *lateProxy) add(b *backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in = append(p.in, b)
}

// remove takes effect once the lag is over.
func (p *lateProxy) remove(b *backend) {
	<-time.After(p.lag)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, x := range p.in {
		if x == b {
			p.in = append(p.in[:i:i], p.in[i+1:]...)
			return
		}
	}
}

// instance starts one more process's worth of service on the env's Redis.
func (e *env) instance(environ ...string) *backend {
	e.t.Helper()
	c, err := service.Load("", append([]string{"MLC_ROLES=api", "MLC_PUBLIC_ADDR=127.0.0.1:0", "MLC_OPS_ADDR=127.0.0.1:0", "MLC_TRUSTED_PROXIES=1"}, environ...))
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan [2]net.Addr, 1)
	b := &backend{cancel: cancel, ended: make(chan error, 1)}
	go func() {
		b.ended <- service.Run(ctx, c, service.Options{Log: zap.NewNop(), Redis: e.rdb, Keyset: e.keyset, Ready: func(p, q net.Addr) { ready <- [2]net.Addr{p, q} }})
	}()
	select {
	case a := <-ready:
		b.url, b.ops = &url.URL{Scheme: "http", Host: a[0].String()}, "http://"+a[1].String()
	case err := <-b.ended:
		cancel()
		e.t.Fatal(err)
	}
	return b
}

// Restarting every instance in turn under load, behind a proxy that notices
// late, fails no post and loses no mark.
func TestRollingRestarts(t *testing.T) {
	// Alone: beside others a post may wait for the processor as long as for a stop.
	restarts, perSecond := soak.N(2, 20), soak.N(40, 500)
	lag, drain := time.Duration(soak.N(1, 5))*time.Second, soak.N(4, 8)
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.open()
	if _, err := e.rooms.Tenants.Apply(t.Context(), e.tenant, e.creds); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("MLC_DRAIN_SECONDS=%d", drain)
	p := newLateProxy(t, lag)
	live := []*backend{e.instance(settings), e.instance(settings)}
	for _, b := range live {
		p.add(b)
	}

	load, stopLoad := context.WithCancel(t.Context())
	tr := &http.Transport{MaxIdleConnsPerHost: 256}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr, Timeout: 30 * time.Second}
	var posts, failed atomic.Int64
	var firstBad atomic.Value
	var all sync.WaitGroup
	post := func(n int64) {
		bad := func(why string) {
			failed.Add(1)
			firstBad.CompareAndSwap(nil, why)
		}
		req, err := http.NewRequestWithContext(context.WithoutCancel(load), http.MethodPost, p.URL+"/webhooks/netsuite/"+tenantID,
			bytes.NewReader(fmt.Appendf(nil, `{"type":"vendor","id":"%d"}`, n)))
		if err != nil {
			bad(err.Error())
			return
		}
		req.Header.Set("X-Webhook-Secret", distributor.WebhookSecret)
		res, err := client.Do(req)
		if err != nil {
			bad(err.Error())
			return
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			bad(fmt.Sprintf("%s: %s", res.Status, body))
		}
	}
	all.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-load.Done():
				return
			case <-tick.C:
				n := posts.Add(1)
				all.Go(func() { post(n) })
			}
		}
	})

	start := time.Now()
	for n := range restarts {
		fresh := e.instance(settings)
		p.add(fresh)
		old := live[n%len(live)]
		live[n%len(live)] = fresh
		old.cancel()
		e.await(20*time.Second, func() []string {
			if code := status(t, old.ops+"/readyz"); code != http.StatusServiceUnavailable {
				return []string{fmt.Sprintf("readyz is %d after the stop", code)}
			}
			return nil
		})
		p.remove(old)
		if err := <-old.ended; err != nil {
			t.Errorf("restart %d: %v", n+1, err)
		}
	}
	took := time.Since(start)
	stopLoad()
	all.Wait()
	for _, b := range live {
		b.cancel()
	}
	for _, b := range live {
		if err := <-b.ended; err != nil {
			t.Error(err)
		}
	}
	if failed.Load() > 0 {
		t.Errorf("%d of %d posts failed, the first: %v", failed.Load(), posts.Load(), firstBad.Load())
	}
	l, err := e.rooms.Queue.Lane(t.Context(), tenantID)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Depth[queue.Live]; got != posts.Load() {
		t.Errorf("%d marks in Redis after %d posts", got, posts.Load())
	}
	soak.Figure(t, "rolling restarts", "%d restarts, %d posts at %.0f/s, proxy %s late: failed %s", restarts, posts.Load(), float64(posts.Load())/took.Seconds(), lag, soak.NoneOf(int(posts.Load())))
}

// status of a page.
func status(t *testing.T, page string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}
