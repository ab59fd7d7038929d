package cin7

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrReadOnly says that a client that may only read was asked to write.
var ErrReadOnly = errors.New("this client only reads")

// ReadOnly returns a transport that sends GET and refuses everything else
// before a byte of it leaves. nil wraps a transport of its own.
func ReadOnly(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = NewTransport()
	}
	return readOnly{next}
}

type readOnly struct{ next http.RoundTripper }

// RoundTrip serves http.RoundTripper.
func (r readOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, ErrReadOnly)
	}
	return r.next.RoundTrip(req)
}
