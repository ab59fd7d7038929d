package cin7test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// contractFile is the OpenAPI description, which lies beside the repository.
var contractFile = filepath.Join("..", "..", "..", "shared", "contracts", "cin7-core-openapi.json")

// loadContract reads it once; nil when it is absent.
var loadContract = sync.OnceValues(func() (*openapi3.T, error) {
	if _, err := os.Stat(contractFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return openapi3.NewLoader().LoadFromFile(contractFile)
})

// checkContract compares every JSON answer of a test with the description.
func checkContract(t *testing.T) func(method, path string, status int, body []byte) {
	doc, err := loadContract()
	if err != nil {
		t.Fatalf("load %s: %v", contractFile, err)
	}
	if doc == nil {
		return nil
	}
	return func(method, path string, status int, body []byte) {
		t.Helper()
		path, _, _ = strings.Cut(path, "?")
		item := doc.Paths.Find("/" + path)
		if item == nil || item.GetOperation(method) == nil {
			return // a wrong path or verb, asked on purpose
		}
		res := item.GetOperation(method).Responses.Status(status)
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return // spoiled on purpose, or HTML
		}
		if res == nil {
			t.Errorf("%s %s answers %d, which the description does not have", method, path, status)
			return
		}
		if err := res.Value.Content["application/json"].Schema.Value.VisitJSON(v, openapi3.VisitAsResponse(), openapi3.MultiErrors()); err != nil {
			t.Errorf("%s %s answers %d outside the description: %v\n%s", method, path, status, err, body)
		}
	}
}

func TestTheContractIsServed(t *testing.T) {
	doc, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	if doc == nil {
		t.Logf("%s is absent: nothing in this package was compared with the OpenAPI description", contractFile)
		return
	}
	routes := New(Options{}).routes
	for path, item := range doc.Paths.Map() {
		rt, ok := routes[strings.ToLower(strings.Trim(path, "/"))]
		if !ok {
			t.Errorf("%s is not served", path)
			continue
		}
		for method := range item.Operations() {
			if rt.methods[method] == nil {
				t.Errorf("%s %s is not served", method, path)
			}
		}
		for method := range rt.methods {
			if item.GetOperation(method) == nil {
				t.Errorf("%s %s is served and not described", method, path)
			}
		}
	}
	undescribed := []string{"product-suppliers"} // answers 405 (6)
	for path, rt := range routes {
		if doc.Paths.Find("/"+rt.path) == nil && !slices.Contains(undescribed, path) {
			t.Errorf("%s is served and not described", rt.path)
		}
	}
}

func TestNoBodyBreaksTheServer(t *testing.T) {
	c := newCompany(t, Options{})
	for path, rt := range c.sim.routes {
		for method := range rt.methods {
			for _, body := range []string{"", "{", "[]", "null", "{}", `{"Lines":{}}`, `{"Lines":[null]}`, `{"ID":1}`, `{"TaskID":null,"Status":"AUTHORISED","Lines":null}`} {
				r := c.do(method, path, body)
				if r.err != nil {
					t.Errorf("%s %s %q: %v", method, path, body, r.err)
				}
				if method != http.MethodGet && r.status == http.StatusOK && r.exception() == "" {
					t.Errorf("%s %s %q: taken", method, path, body)
				}
			}
		}
	}
}
