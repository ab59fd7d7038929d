package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	mlconnector "github.com/ml-connector/ml-connector"
	"github.com/ml-connector/ml-connector/api"
)

// spec is openapi.yaml, validated.
func spec(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(mlconnector.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// checked is a transport that holds every answer against openapi.yaml.
type checked struct {
	t    testing.TB
	spec *openapi3.T
	next http.RoundTripper
	said *output
	pub  string // host of the public listener
}

func (c *checked) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	fmt.Fprintf(c.said, "%d %v %s\n", resp.StatusCode, resp.Header, body)
	if err := c.check(req, resp, body); err != nil {
		c.t.Errorf("%s %s answered %d, which openapi.yaml does not describe: %v\n%s", req.Method, req.URL.Path, resp.StatusCode, err, body)
	}
	return resp, nil
}

func (c *checked) check(req *http.Request, resp *http.Response, body []byte) error {
	if resp.Header.Get("X-Request-Id") == "" {
		return fmt.Errorf("no X-Request-Id")
	}
	path, item := c.find(req.URL.Path)
	elsewhere := item != nil && (item.Servers != nil) != (req.URL.Host == c.pub)
	if item == nil || elsewhere || item.GetOperation(req.Method) == nil {
		// What nobody described must not exist.
		if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			return fmt.Errorf("it is not in there")
		}
		schema := c.spec.Components.Schemas["Problem"].Value
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return err
		}
		return schema.VisitJSON(v)
	}
	in := &openapi3filter.RequestValidationInput{Request: req, Route: &routers.Route{Spec: c.spec, Path: path, PathItem: item, Method: req.Method, Operation: item.GetOperation(req.Method)}}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true}}
	out.SetBodyBytes(body)
	if resp.StatusCode == http.StatusNoContent || len(body) == 0 && resp.StatusCode < 300 {
		if r := in.Route.Operation.Responses.Status(resp.StatusCode); r == nil || r.Value.Content != nil {
			return fmt.Errorf("an empty answer")
		}
		return nil
	}
	return openapi3filter.ValidateResponse(context.Background(), out)
}

var braces = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// find is the described path that a request's path matches.
func (c *checked) find(path string) (string, *openapi3.PathItem) {
	for _, p := range c.spec.Paths.InMatchingOrder() {
		if regexp.MustCompile("^" + braces.ReplaceAllString(regexp.QuoteMeta(p), "[^/:]+") + "$").MatchString(path) {
			return p, c.spec.Paths.Value(p)
		}
	}
	return "", nil
}

// routes are method and path of everything that the routers serve.
func routes(t *testing.T, muxes ...*chi.Mux) []string {
	t.Helper()
	var out []string
	for _, m := range muxes {
		err := chi.Walk(m, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			out = append(out, method+" "+route)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return out
}

func TestOpenAPIMatchesTheRouters(t *testing.T) {
	pub, ops := api.New(api.Config{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	var described []string
	operations := map[string]bool{}
	for path, item := range spec(t).Paths.Map() {
		for method, op := range item.Operations() {
			described = append(described, method+" "+path)
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 || operations[op.OperationID] {
				t.Errorf("%s %s: wants an id of its own, a summary and one tag", method, path)
			}
			operations[op.OperationID] = true
			if op.Security == nil {
				t.Errorf("%s %s: says nothing about security", method, path)
			}
			public := item.Servers != nil
			if public != strings.HasPrefix(path, "/webhooks/") {
				t.Errorf("%s: names the wrong listener", path)
			}
		}
	}
	slices.Sort(described)
	if diff := cmp.Diff(routes(t, pub.Mux, ops), described); diff != "" {
		t.Errorf("served (-) and described (+) differ:\n%s", diff)
	}
	if got := routes(t, pub.Mux); len(got) != 1 {
		t.Errorf("the public listener serves %v, want webhooks alone", got)
	}
}

func TestOpenAPIIsServed(t *testing.T) {
	h := open(t)
	got := h.call(http.MethodGet, "/openapi.yaml", "")
	if got.status != http.StatusOK || !bytes.Equal(got.body, mlconnector.OpenAPI) || got.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("got %d %s, %d bytes", got.status, got.header.Get("Content-Type"), len(got.body))
	}
}
