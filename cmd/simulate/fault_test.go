package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
)

func TestFaultsAreStrict(t *testing.T) {
	w, err := distributor.New(distributor.Options{Cin7: cin7test.Options{CallsPerMinute: distributor.CallsPerMinute}})
	if err != nil {
		t.Fatal(err)
	}
	h := control(w, options{webhook: "http://127.0.0.1:1"})
	for query, want := range map[string]string{
		"/fault?system=cin7&when=after&shape=close&times=1": "",
		"/fault?system=cin7&shape=503":                      "",
		"/fault?system=cin7&status=503&times=-1":            "",
		"/fault?system=netsuite&status=503&times=3":         "",
		"/fault?system=netsuite&shape=close":                "",
		"/fault?system=xero":                                `system: "xero": want netsuite, cin7`,
		"/fault?system=cin7&shape=explode":                  `shape: "explode": want close, reset, timeout,`,
		"/fault?system=cin7&shape=close&when=never":         `when: "never": want before, after, late`,
		"/fault?system=cin7&status=abc":                     `status: "abc": want 200 to 599`,
		"/fault?system=cin7&status=50":                      `status: "50": want 200 to 599`,
		"/fault?system=cin7&shape=close&times=some":         `times: "some": want a number`,
		"/fault?system=cin7":                                "would do nothing",
		"/fault?system=cin7&shape=close&match=vendor":       "match: faults of cin7 take",
		"/fault?system=cin7&shpe=close":                     `"shpe" is not known here`,
		"/fault?system=netsuite":                            "would do nothing",
		"/fault?system=netsuite&shape=reset":                `shape: "reset": want close`,
		"/fault?system=netsuite&when=after&status=503":      "when: faults of netsuite take",
		"/month?variant=ten":                                `variant: "ten": want 1 to 9`,
		"/month?body=2":                                     `"body" is not known here`,
	} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, query, nil))
		if got := rec.Body.String(); (rec.Code == http.StatusOK) != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %d %q, want %q", query, rec.Code, got, want)
		}
	}
	if n := w.Cin7.ClearFaults(); n != 3 {
		t.Errorf("%d faults of Cin7 are armed, want 3", n)
	}
}
