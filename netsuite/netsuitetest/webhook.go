package netsuitetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Delivery says how webhooks are sent. The zero value sends none.
type Delivery struct {
	URL         string
	Variant     int         // 1 to 9 of contract 5.4
	ContentType string      // default what the body is; scripts send wrong ones (5.2)
	Header      http.Header // for example X-Webhook-Secret
	LoseEvery   int         // every nth event is never sent
	DoubleEvery int         // every nth event is sent twice
	Reverse     int         // hold n events and send them in reverse order; Flush sends what is held
	OnlyQuery   bool        // variant 8 in the URL with an empty body
}

// event is what happened in NetSuite.
type event struct {
	kind, recordType, name string
	id                     int64
	at                     time.Time
}

// posts sends webhooks like N/https does: once, no retry, 5 s to connect and
// 45 s for the whole (contract 5.2).
type posts struct {
	ctx    context.Context // the life of the Sim, of which every post is a part
	cancel context.CancelFunc
	client *http.Client

	mu      sync.Mutex
	how     Delivery
	seen    int
	held    []event
	queue   []delivery
	workers int
	idle    chan struct{} // closed when no worker is left
	errs    []error
	sent    int
}

type delivery struct {
	how Delivery
	ev  event
}

// postWorkers is how many scripts run at once; events overtake each other.
const postWorkers = 4

func (p *posts) init() {
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.client = &http.Client{
		Timeout:       45 * time.Second,
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, MaxIdleConnsPerHost: postWorkers, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") },
	}
	p.idle = make(chan struct{})
	close(p.idle)
}

func (p *posts) close() {
	p.cancel()
	p.mu.Lock()
	p.queue, p.held = nil, nil
	idle := p.idle
	p.mu.Unlock()
	<-idle
	p.client.CloseIdleConnections()
}

// Webhooks sends an event in the given shape of contract 5.4 to url after
// every change of a vendor, PO, receipt, bill or credit. Variant 0 or an empty
// url switches it off.
func (s *Sim) Webhooks(url string, variant int) { s.Deliver(Delivery{URL: url, Variant: variant}) }

// Deliver is Webhooks with the faults of a real sender.
func (s *Sim) Deliver(d Delivery) {
	if d.Variant < 0 || d.Variant > 9 {
		panic(fmt.Sprintf("netsuitetest: webhook variant %d: want 0 to 9", d.Variant))
	}
	s.posts.mu.Lock()
	defer s.posts.mu.Unlock()
	s.posts.how = d
}

// WebhookErrors are the posts that failed or were not answered with 2xx.
func (s *Sim) WebhookErrors() []error {
	s.posts.mu.Lock()
	defer s.posts.mu.Unlock()
	return append([]error(nil), s.posts.errs...)
}

// WebhooksSent counts the posts that were answered with 2xx.
func (s *Sim) WebhooksSent() int {
	s.posts.mu.Lock()
	defer s.posts.mu.Unlock()
	return s.posts.sent
}

// Flush sends what is held back and waits for the posts under way.
func (s *Sim) Flush(ctx context.Context) error {
	p := &s.posts
	p.mu.Lock()
	p.release()
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for webhooks: %w", ctx.Err())
	}
}

// Notify sends an event about a record without changing it: a script that
// repeats itself, or a record that does not exist.
func (s *Sim) Notify(kind, recordType string, id int64) { s.post(kind, recordType, id, "") }

// post queues an event.
func (s *Sim) post(kind, recordType string, id int64, name string) {
	p := &s.posts
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.how.URL == "" || p.how.Variant == 0 || p.ctx.Err() != nil {
		return
	}
	p.seen++
	if p.how.LoseEvery > 0 && p.seen%p.how.LoseEvery == 0 {
		return
	}
	ev := event{kind: kind, recordType: recordType, name: name, id: id, at: s.o.Now()}
	p.held = append(p.held, ev)
	if p.how.DoubleEvery > 0 && p.seen%p.how.DoubleEvery == 0 {
		p.held = append(p.held, ev)
	}
	if len(p.held) >= p.how.Reverse {
		p.release()
	}
}

// release gives the held events to workers; p.mu is held.
func (p *posts) release() {
	for i := range p.held {
		if p.how.Reverse > 0 {
			i = len(p.held) - 1 - i
		}
		p.queue = append(p.queue, delivery{p.how, p.held[i]})
	}
	p.held = nil
	workers := postWorkers
	if p.how.Reverse > 0 {
		workers = 1 // the order is the point
	}
	for p.workers < min(workers, len(p.queue)) {
		if p.workers == 0 {
			p.idle = make(chan struct{})
		}
		p.workers++
		go p.work()
	}
}

func (p *posts) work() {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 {
			if p.workers--; p.workers == 0 {
				close(p.idle)
			}
			p.mu.Unlock()
			return
		}
		d := p.queue[0]
		p.queue = p.queue[1:]
		p.mu.Unlock()
		err := p.send(d)
		p.mu.Lock()
		if err != nil {
			p.errs = append(p.errs, err)
		} else {
			p.sent++
		}
		p.mu.Unlock()
	}
}

// send makes one POST. The error does not hold the URL, which has the secret.
func (p *posts) send(d delivery) error {
	what := fmt.Sprintf("webhook %s %s %d", d.ev.kind, d.ev.recordType, d.ev.id)
	body, contentType := d.how.body(d.ev)
	target := d.how.URL
	if d.how.OnlyQuery {
		join := "?"
		if strings.Contains(target, "?") {
			join = "&"
		}
		target, body = target+join+body, ""
	}
	req, err := http.NewRequestWithContext(p.ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: bad url", what)
	}
	for k, v := range d.how.Header {
		req.Header[k] = v
	}
	req.Header.Set("Content-Type", or(d.how.ContentType, contentType))
	res, err := p.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s: HTTP %d", what, res.StatusCode)
	}
	return nil
}
