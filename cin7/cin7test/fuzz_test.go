package cin7test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// FuzzBody sends anything to every resource that takes a body: no panic, an
// answer in JSON, and a refusal that has no effect.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{}`, `{"Lines":[{"Quantity":1e999}]}`, `{"ID":"x","Addresses":[{}]}`, `[1]`, `{"TaskID":"` + zeroID + `","Status":"AUTHORISED","Lines":[]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := New(Options{CallsPerMinute: -1})
		s.AddKey("a", "k")
		for path, rt := range s.routes {
			for _, method := range []string{"POST", "PUT"} {
				if rt.methods[method] == nil {
					continue
				}
				w, r := httptest.NewRecorder(), httptest.NewRequest(method, base+path, strings.NewReader(body))
				r.Header.Set("api-auth-accountid", "a")
				r.Header.Set("api-auth-applicationkey", "k")
				before := len(s.Journal())
				s.ServeHTTP(w, r)
				if !json.Valid(w.Body.Bytes()) {
					t.Fatalf("%s %s: answer %q", method, path, w.Body)
				}
				if w.Code != 200 && len(s.Journal()) != before {
					t.Fatalf("%s %s: refused with an effect", method, path)
				}
			}
		}
	})
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{`1`, `"1.5"`, `null`, `1e5`, `"2026-11-18T00:00:00"`, `"2026-11-18T20:00:00-08:00"`, `"0001-01-01T00:00:00Z"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var n number
		if json.Unmarshal([]byte(s), &n) == nil && n.set {
			if b, err := json.Marshal(num(n.Decimal)); err != nil || !json.Valid(b) {
				t.Fatalf("number %q leaves as %q: %v", s, b, err)
			}
		}
		var d date
		if json.Unmarshal([]byte(s), &d) == nil && d != "" {
			if _, err := time.Parse(time.DateOnly, string(d)); err != nil {
				t.Fatalf("date %q became %q: %v", s, d, err)
			}
		}
	})
}
