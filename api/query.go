package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// parameters are the names that the queries of the ops API may hold, by method
// and pattern; what is not here takes none. A misspelt one would be ignored,
// and the answer, or the change, another than was asked for.
var parameters = map[string][]string{
	"GET /audit":                       {"cursor", "limit"},
	"GET /tenants/{id}/accounts":       {"since"},
	"PUT /tenants/{id}/mapping":        {"dry_run"},
	"GET /tenants/{id}/reconciliation": {"from", "to", "format"},
	"GET /tenants/{id}/records":        {"state", "type", "reason", "q", "cursor", "limit"},
}

// checkQuery refuses a query with a name that the endpoint does not know, or
// with one that comes twice, of which two readers may take different ones.
func checkQuery(e endpoint, r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "the query cannot be read: want name=value joined by &, each percent-encoded")
	}
	known := parameters[e.method+" "+e.pattern]
	for name, values := range q {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return problem(http.StatusBadRequest, "unknown-parameter", "this takes no parameters in the query")
		case !slices.Contains(known, name):
			return problem(http.StatusBadRequest, "unknown-parameter", "known parameters are "+strings.Join(known, ", "))
		case len(values) > 1:
			return problem(http.StatusBadRequest, "bad-request", name+" comes twice in the query")
		}
	}
	return nil
}
