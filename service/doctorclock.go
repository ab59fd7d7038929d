package service

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
)

// maxSkew is how far clocks may be apart.
const maxSkew = 2 * time.Second

// skew compares a clock that was read between two moments of ours.
func skew(f *findings, name string, theirs, before, after time.Time) {
	if theirs.IsZero() {
		return
	}
	d := time.Duration(0)
	switch {
	case theirs.Before(before):
		d = before.Sub(theirs)
	case theirs.After(after):
		d = theirs.Sub(after)
	}
	if d > maxSkew {
		f.fail(name, "set both clocks by NTP", "it is %s apart from this machine's", d.Round(time.Second))
		return
	}
	f.ok(name, "agrees with this machine's")
}

// silence is how long the first answer of a system may take: one that never
// answers must leave time for what is asked of the other, within the time that
// the API has for an answer.
const silence = 10 * time.Second

// errSilent is the end of that time.
type errSilent time.Duration

func (s errSilent) Error() string { return "no answer within " + time.Duration(s).String() }

// dated notes the Date of the last answer that passes through, and waits for
// the first one for a limited time.
type dated struct {
	next  http.RoundTripper
	limit time.Duration

	mu   sync.Mutex
	at   time.Time
	sent time.Time
	got  time.Time
}

func (d *dated) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := time.Now()
	res, err := d.roundTrip(r)
	if err != nil {
		return nil, err
	}
	if at, perr := http.ParseTime(res.Header.Get("Date")); perr == nil {
		d.mu.Lock()
		d.at, d.sent, d.got = at, sent, time.Now()
		d.mu.Unlock()
	}
	return res, nil
}

func (d *dated) roundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	answered := !d.at.IsZero()
	d.mu.Unlock()
	if answered || d.limit == 0 {
		return d.next.RoundTrip(r)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(d.limit, func() { cancel(errSilent(d.limit)) })
	defer timer.Stop()
	res, err := d.next.RoundTrip(r.WithContext(ctx))
	if err == nil {
		context.AfterFunc(r.Context(), func() { cancel(nil) }) // the body is read under it
		return res, nil
	}
	defer cancel(nil)
	var s errSilent
	if errors.As(context.Cause(ctx), &s) {
		return nil, s
	}
	return nil, err
}

// watched puts both systems' transports under a limit and notes their clocks.
func watched(tr handlers.Transports, limit time.Duration) (out handlers.Transports, ns, c7 *dated) {
	if tr.NetSuite == nil {
		tr.NetSuite = netsuite.NewTransport()
	}
	if tr.Cin7 == nil {
		tr.Cin7 = cin7.NewTransport()
	}
	if t, ok := tr.NetSuite.(*http.Transport); ok && tr.NetSuiteHTTP1 == nil {
		tr.NetSuiteHTTP1 = netsuite.HTTP1(t) // which the client cannot make of what we wrap
	}
	ns, c7 = &dated{next: tr.NetSuite, limit: limit}, &dated{next: tr.Cin7, limit: limit}
	out = tr
	out.NetSuite, out.Cin7 = ns, c7
	return out, ns, c7
}

func (d *dated) skew(f *findings, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// The header has whole seconds.
	skew(f, name, d.at, d.sent.Truncate(time.Second), d.got)
}
