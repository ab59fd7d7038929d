package cin7test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// base is the path that all resources are below; the portal writes it in two
// ways and case does not matter (2).
const base = "/externalapi/v2/"

// maxBody is the longest request that is read.
const maxBody = 8 << 20

// handler does one operation. Its answer is sent with 200.
type handler func(c *call) (any, error)

// route is one resource.
type route struct {
	path    string // as the contract spells it
	methods map[string]handler
}

// call is one request on its way through the simulator. The lock is held.
type call struct {
	s      *Sim
	log    int // index into Sim.calls
	method string
	route  *route
	query  map[string]string // lower-case name -> first value
	asked  map[string]bool   // query names that somebody looked at
	body   []byte
	app    string
	acc    string // account id
	// effects are told only if the call is not refused after all.
	effects []Effect
}

// param reads a query parameter; unknown ones are never asked for.
func (c *call) param(name string) string {
	name = strings.ToLower(name)
	c.asked[name] = true
	return strings.TrimSpace(c.query[name])
}

// flag reads a yes-or-no parameter.
func (c *call) flag(name string) bool { return strings.EqualFold(c.param(name), "true") }

// answer is what goes back.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

func jsonAnswer(status int, v any) answer {
	b, err := json.Marshal(v)
	if err != nil {
		panic("cin7test: answer cannot be encoded: " + err.Error()) // a bug here, not in the caller
	}
	return answer{status: status, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, body: b}
}

func htmlAnswer(status int, text string) answer {
	return answer{status: status, header: map[string]string{"Content-Type": "text/html; charset=utf-8"},
		body: []byte("<!DOCTYPE html><html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>")}
}

// ServeHTTP answers one request.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // half a request changes nothing
	}
	c := s.arrive(r, body)
	f := s.strike(c)
	if f == nil {
		a := s.handle(c)
		s.done(c, a.status)
		a.send(w)
		return
	}
	var a answer
	switch f.When {
	case "late":
		f.wait(context.Background()) // whether or not the client still waits
		a = s.handle(c)
	case "after":
		a = s.handle(c)
		f.wait(r.Context())
	default:
		f.wait(r.Context())
		if f.Shape == "pass" && r.Context().Err() == nil {
			a = s.handle(c)
		}
	}
	s.done(c, f.send(w, r, a))
}

func (a answer) send(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone; the effect stays
}

// arrive logs the request.
func (s *Sim) arrive(r *http.Request, body []byte) *call {
	c := &call{s: s, method: r.Method, body: body, query: map[string]string{}, asked: map[string]bool{}, app: r.Header.Get("api-auth-applicationkey"), acc: r.Header.Get("api-auth-accountid")}
	path := r.URL.Path
	if p := strings.ToLower(path); strings.HasPrefix(p, base) {
		path = strings.Trim(path[len(base):], "/")
		if rt, ok := s.routes[strings.Trim(p[len(base):], "/")]; ok {
			c.route, path = &rt, rt.path
		}
	}
	for name, values := range r.URL.Query() {
		c.query[strings.ToLower(name)] = values[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.log = len(s.calls)
	s.calls = append(s.calls, Call{At: s.o.Now(), Method: r.Method, Path: path, Query: r.URL.Query(), Body: string(body), Application: c.app})
	return c
}

func (s *Sim) done(c *call, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.log].Status = status
}

// handle does the request and returns the answer that an undisturbed network
// would carry.
func (s *Sim) handle(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.perform(c)
	var r *refusal
	switch {
	case errors.As(err, &r):
		return s.refuse(r)
	case err != nil:
		// Not parseable is a 500 (3).
		return jsonAnswer(http.StatusInternalServerError, []obj{{"ErrorCode": 500, "Exception": "Unexpected error"}})
	}
	if a, ok := v.(answer); ok {
		return a
	}
	for name := range c.query {
		if !c.asked[name] {
			s.calls[c.log].Ignored = append(s.calls[c.log].Ignored, "?"+name)
		}
	}
	slices.Sort(s.calls[c.log].Ignored)
	s.effects = append(s.effects, c.effects...)
	return jsonAnswer(http.StatusOK, v)
}

func (s *Sim) perform(c *call) (any, error) {
	// The key is looked up by the account too: a company may have several
	// applications (2).
	if !s.keys[[2]string{strings.ToLower(c.acc), c.app}] {
		return nil, &refusal{status: http.StatusForbidden, text: textCredentials, bare: true}
	}
	if !s.grant(c.app) {
		return nil, &refusal{limit: true}
	}
	if c.route == nil {
		switch s.o.WrongPath {
		case "html":
			return htmlAnswer(http.StatusOK, "Page not found"), nil
		case "404":
			return nil, &refusal{status: http.StatusNotFound, text: "Not found"}
		}
		a := htmlAnswer(http.StatusFound, "Object moved")
		a.header["Location"] = "/Error/PageNotFound"
		return a, nil
	}
	h, ok := c.route.methods[c.method]
	if !ok {
		return jsonAnswer(http.StatusMethodNotAllowed, obj{"Message": "The requested resource does not support http method '" + c.method + "'."}), nil
	}
	return h(c)
}

// refuse words a refusal in the form that Cin7 uses for it (3).
func (s *Sim) refuse(r *refusal) answer {
	if !r.limit {
		item := obj{"ErrorCode": r.status, "Exception": r.text}
		if r.bare {
			return jsonAnswer(r.status, item)
		}
		return jsonAnswer(r.status, []obj{item})
	}
	return s.limitAnswer(s.o.LimitForm)
}

func (s *Sim) limitAnswer(form string) answer {
	status := map[string]int{"503": http.StatusServiceUnavailable, "400": http.StatusBadRequest}[form]
	if status == 0 {
		status = http.StatusTooManyRequests
	}
	a := jsonAnswer(status, []obj{{"ErrorCode": status, "Exception": limitText(max(s.o.CallsPerMinute, 1))}})
	if status == http.StatusTooManyRequests {
		// Both forms were seen: a number, and a number with a word.
		a.header["Retry-After"] = [2]string{"30", "60 Seconds"}[s.refused%2]
	}
	s.refused++
	return a
}

// decode reads the body into a struct of pointers and notes the names that
// Cin7 passes over (2). A value of the wrong type is refused with 400; what is
// not JSON ends as 500 (3).
func (c *call) decode(into any) error {
	if err := json.Unmarshal(c.body, into); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) || len(bytes.TrimSpace(c.body)) == 0 {
			return err
		}
		return no("%s", err.Error())
	}
	c.s.calls[c.log].Ignored = append(c.s.calls[c.log].Ignored, unknownNames(c.body, into)...)
	return nil
}
