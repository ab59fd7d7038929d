package netsuitetest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one request that was answered, or dropped (Status 0).
type Call struct {
	At     time.Time // by the clock of the account
	Method string
	Path   string
	Params string // of the URL
	Query  string // SuiteQL
	Status int
}

// Fault replaces or spoils the next answers (contract 8).
type Fault struct {
	Path        string // part of the URL path, "" is every path
	Match       string // part of the SuiteQL text, any case; "" is every text
	After       int    // let this many matching requests pass first
	Times       int    // how many requests it spoils; 0 is 1, below 0 is all
	Status      int    // answer this instead; the body follows the contract unless Body is set
	Body        string
	ContentType string        // of Body, default application/json, or text/html when Body starts with "<"
	RetryAfter  string        // header, with Status 429 or 503
	Drop        bool          // do the work, then close the connection without an answer
	Truncate    bool          // cut the body of the answer in half
	Delay       time.Duration // wait first, holding the concurrency slot
}

// maxCalls bounds the log of a simulator that runs for days.
const maxCalls = 100_000

// watch is the call log and the faults to come.
type watch struct {
	mu     sync.Mutex
	calls  []Call
	faults []*Fault
}

// FailNext adds a fault. Faults are tried in the order they were added; one
// request meets at most one.
func (s *Sim) FailNext(f Fault) {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.watch.faults = append(s.watch.faults, &f)
}

// ClearFaults takes back all faults.
func (s *Sim) ClearFaults() {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	s.watch.faults = nil
}

// Calls is the log of requests, oldest first.
func (s *Sim) Calls() []Call {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	return slices.Clone(s.watch.calls)
}

// ResetCalls empties the log.
func (s *Sim) ResetCalls() {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	s.watch.calls = nil
}

func (w *watch) log(c Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) >= maxCalls {
		w.calls = slices.Delete(w.calls, 0, maxCalls/2)
	}
	w.calls = append(w.calls, c)
}

// fault takes the fault that a request meets, if any.
func (w *watch) fault(path, query string) *Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, f := range w.faults {
		if !strings.Contains(path, f.Path) || !strings.Contains(strings.ToLower(query), strings.ToLower(f.Match)) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		taken := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				w.faults = slices.Delete(w.faults, i, i+1)
			}
		}
		return &taken
	}
	return nil
}

// answer is what f puts in place of the real one.
func (f *Fault) answer(account string) answer {
	a := errorAnswer(account, f.Status)
	if f.Body != "" {
		a.body, a.contentType = []byte(f.Body), f.ContentType
		if a.contentType == "" {
			a.contentType = "application/json"
			if strings.HasPrefix(f.Body, "<") {
				a.contentType = "text/html"
			}
		}
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a
}

// serve runs one request through the faults, the handler and the log.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, handle func(*http.Request, *Call) answer) {
	call := Call{At: s.o.Now(), Method: r.Method, Path: r.URL.Path, Params: r.URL.RawQuery}
	a := s.body(r, &call, handle)
	if a.drop {
		s.watch.log(call)
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	call.Status = a.status
	s.watch.log(call)
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", a.contentType)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client is gone: nothing to do
}

// body decides the answer; the concurrency slot is held as long as it takes.
func (s *Sim) body(r *http.Request, call *Call, handle func(*http.Request, *Call) answer) answer {
	if r.URL.Path == suiteqlPath {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			return errorAnswer(s.o.Account, http.StatusTooManyRequests)
		}
		readQuery(r, call)
	}
	f := s.watch.fault(r.URL.Path, call.Query)
	if f == nil {
		return handle(r, call)
	}
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return answer{drop: true}
		case <-s.posts.ctx.Done():
			return answer{drop: true}
		}
	}
	if f.Status != 0 {
		return f.answer(s.o.Account)
	}
	a := handle(r, call)
	a.drop = f.Drop
	if f.Truncate {
		a.body = a.body[:len(a.body)/2]
	}
	return a
}
