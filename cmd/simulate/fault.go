package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// arm sets up the fault of a query. What is not known is refused: whoever
// tries faults by hand must not wait for one that never strikes.
func arm(w *distributor.World, query string) error {
	q, err := parse(query, "system", "method", "path", "match", "when", "shape", "status", "times")
	if err != nil {
		return err
	}
	switch q.Get("system") {
	case "netsuite":
		f, err := netsuiteFault(q)
		if err != nil {
			return err
		}
		w.NetSuite.FailNext(f)
	case "cin7":
		f, err := cin7Fault(q)
		if err != nil {
			return err
		}
		w.Cin7.FailNext(f)
	default:
		return unknown(q, "system", "netsuite", "cin7")
	}
	return nil
}

func netsuiteFault(q url.Values) (netsuitetest.Fault, error) {
	f := netsuitetest.Fault{Path: q.Get("path"), Match: q.Get("match"), Drop: q.Get("shape") == "close"}
	for _, name := range []string{"method", "when"} {
		if q.Has(name) {
			return f, fmt.Errorf("%s: faults of netsuite take path, match, shape, status and times", name)
		}
	}
	if q.Has("shape") && !f.Drop {
		return f, unknown(q, "shape", "close")
	}
	var err error
	if f.Status, f.Times, err = numbers(q); err == nil && f.Status == 0 && !f.Drop {
		err = fmt.Errorf("the fault would do nothing: give a status such as 503, or shape=close")
	}
	return f, err
}

func cin7Fault(q url.Values) (cin7test.Fault, error) {
	f := cin7test.Fault{Method: q.Get("method"), Path: q.Get("path"), When: q.Get("when"), Shape: q.Get("shape")}
	switch {
	case q.Has("match"):
		return f, fmt.Errorf("match: faults of cin7 take method, path, when, shape, status and times")
	case q.Has("when") && !slices.Contains(cin7test.Whens[:], f.When):
		return f, unknown(q, "when", cin7test.Whens[:]...)
	case q.Has("shape") && !slices.Contains(cin7test.Shapes[:], f.Shape):
		return f, unknown(q, "shape", cin7test.Shapes[:]...)
	}
	var err error
	if f.Status, f.Times, err = numbers(q); err == nil && f.Status == 0 && f.Shape == "" {
		err = fmt.Errorf("the fault would do nothing: give a status such as 503, or a shape: %s", strings.Join(cin7test.Shapes[:], ", "))
	}
	return f, err
}

// numbers are status and times; 0 when they are not given.
func numbers(q url.Values) (status, times int, err error) {
	if s := q.Get("status"); q.Has("status") {
		if status, err = strconv.Atoi(s); err != nil || status < 200 || status > 599 {
			return 0, 0, fmt.Errorf("status: %q: want 200 to 599", s)
		}
	}
	if s := q.Get("times"); q.Has("times") {
		if times, err = strconv.Atoi(s); err != nil || times == 0 {
			return 0, 0, fmt.Errorf("times: %q: want a number, or -1 for always", s)
		}
	}
	return status, times, nil
}

// variantOf is the body that webhooks have, of nine; the first if not said.
func variantOf(query string) (int, error) {
	q, err := parse(query, "variant")
	if err != nil || !q.Has("variant") {
		return 1, err
	}
	n, err := strconv.Atoi(q.Get("variant"))
	if err != nil || n < 1 || n > 9 {
		return 0, fmt.Errorf("variant: %q: want 1 to 9", q.Get("variant"))
	}
	return n, nil
}

func parse(query string, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("read the query: %w", err)
	}
	for name := range q {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%q is not known here: want %s", name, strings.Join(known, ", "))
		}
	}
	return q, nil
}

func unknown(q url.Values, name string, known ...string) error {
	return fmt.Errorf("%s: %q: want %s", name, q.Get(name), strings.Join(known, ", "))
}
