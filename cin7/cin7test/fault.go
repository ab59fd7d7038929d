package cin7test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault spoils one or more answers. The zero Shape with a Status or Body
// replaces the answer by these.
type Fault struct {
	Method   string // "" any
	Path     string // part of the path below the base, "" any; a leading "=" asks for the whole
	Contains string // part of the request's body, "" any: `"AUTHORISED"` picks the call that posts

	// When the fault strikes: "before" (default): the call has no effect;
	// "after": it takes effect, and the answer is spoiled; "late": it takes
	// effect after Delay, even if the client has given up.
	When string
	// Shape of the spoiled answer: "close", "reset", "timeout" (no answer
	// until the client gives up), "half_json" (framed well, JSON cut), "wrong_length"
	// (less than Content-Length says), "empty", "html" (200), "error_200" (an
	// error body under 200), "drip" (a byte a second), "endless", "limit" (the
	// simulator's limit form), "pass" (the true answer, for a Delay alone), or
	// a status: "400" "403" "404" "429" "500" "502" "503" "504".
	Shape string

	Status int           // for the zero Shape: its status, default 200
	Body   string        // for the zero Shape and a status: the body of the answer
	Delay  time.Duration // waited before the answer, in real time
	Skip   int           // matching calls to let pass first
	Times  int           // how often it strikes, default 1; below 0 always
}

// Whens and Shapes are what a Fault may say; "" is the default of each.
var (
	Whens  = [...]string{"before", "after", "late"}
	Shapes = [...]string{"close", "reset", "timeout", "half_json", "wrong_length", "empty", "html", "error_200", "drip", "endless", "limit", "pass",
		"400", "403", "404", "429", "500", "502", "503", "504"}
)

// FailNext arms a fault. Faults are tried in the order in which they were
// armed; the first that matches strikes alone.
func (s *Sim) FailNext(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults disarms what has not struck yet and returns how many there were.
func (s *Sim) ClearFaults() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.faults)
	s.faults = nil
	return n
}

// strike finds the fault for a call.
func (s *Sim) strike(c *call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	logged := &s.calls[c.log]
	for i, f := range s.faults {
		if !f.matches(logged) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		logged.Fault = f.When + " " + f.Shape
		struck := *f
		if struck.Shape == "limit" {
			struck.limited(s.limitAnswer(s.o.LimitForm))
		}
		return &struck
	}
	return nil
}

func (f *Fault) matches(c *Call) bool {
	path, want := strings.ToLower(c.Path), strings.ToLower(f.Path)
	if whole, ok := strings.CutPrefix(want, "="); ok && path != whole {
		return false
	} else if !ok && !strings.Contains(path, want) {
		return false
	}
	return (f.Method == "" || strings.EqualFold(f.Method, c.Method)) && strings.Contains(c.Body, f.Contains)
}

func (f *Fault) limited(a answer) {
	f.Shape, f.Status, f.Body = strconv.Itoa(a.status), a.status, string(a.body)
}

// wait holds the answer back.
func (f *Fault) wait(ctx context.Context) {
	if f.Delay <= 0 {
		return
	}
	t := time.NewTimer(f.Delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// send spoils the true answer a, which is empty when the call had no effect,
// and returns the status that went out, 0 for none.
func (f *Fault) send(w http.ResponseWriter, r *http.Request, a answer) int {
	switch f.Shape {
	case "pass":
		if a.status == 0 { // the client left before its request was looked at
			panic(http.ErrAbortHandler)
		}
	case "close":
		panic(http.ErrAbortHandler)
	case "reset":
		reset(w)
	case "timeout":
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case "half_json":
		a = f.orInvented(a)
		a.body = a.body[:len(a.body)/2]
	case "wrong_length":
		a = f.orInvented(a)
		a.header["Content-Length"] = strconv.Itoa(len(a.body) + 10)
		a.send(w)
		flush(w)
		panic(http.ErrAbortHandler)
	case "empty":
		a = answer{status: http.StatusOK, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}}
	case "html":
		a = htmlAnswer(http.StatusOK, "Page not found")
	case "error_200":
		a = jsonAnswer(http.StatusOK, []obj{{"ErrorCode": 400, "Exception": "Unexpected error"}})
	case "drip", "endless":
		f.trickle(w, r)
		return http.StatusOK
	default:
		a = f.byStatus()
	}
	a.send(w)
	return a.status
}

// orInvented gives a fault that struck before the effect something to spoil.
func (f *Fault) orInvented(a answer) answer {
	if a.status == 0 {
		return jsonAnswer(http.StatusOK, obj{"Total": 1, "Page": 1, "ID": zeroID})
	}
	return a
}

func (f *Fault) byStatus() answer {
	status, err := strconv.Atoi(f.Shape)
	if err != nil {
		status = f.Status
	}
	switch {
	case f.Body != "":
		a := answer{status: max(status, 200), header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, body: []byte(f.Body)}
		if status == http.StatusTooManyRequests {
			a.header["Retry-After"] = "30"
		}
		return a
	case status == http.StatusTooManyRequests:
		a := jsonAnswer(status, []obj{{"ErrorCode": status, "Exception": limitText(60)}})
		a.header["Retry-After"] = "60 Seconds"
		return a
	case status == http.StatusForbidden:
		return jsonAnswer(status, obj{"ErrorCode": status, "Exception": textCredentials})
	case status == http.StatusInternalServerError, status == http.StatusBadRequest, status == http.StatusNotFound:
		return jsonAnswer(status, []obj{{"ErrorCode": status, "Exception": "Unexpected error"}})
	case status == 0:
		return answer{status: http.StatusOK}
	}
	return htmlAnswer(status, http.StatusText(status)) // from a proxy in between: 502, 503, 504
}

// trickle sends a body that does not end by itself.
func (f *Fault) trickle(w http.ResponseWriter, r *http.Request) {
	chunk, pause := []byte(" "), time.Second
	if f.Shape == "endless" {
		chunk, pause = []byte(strings.Repeat(" ", 64<<10)), 0
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
		flush(w)
		if pause == 0 {
			if r.Context().Err() != nil {
				return
			}
			continue
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-r.Context().Done():
			t.Stop()
			return
		}
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// reset ends the connection with RST instead of FIN.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
	panic(http.ErrAbortHandler)
}
