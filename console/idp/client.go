package idp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// maxAnswer bounds what the provider may send: descriptions, keys and tokens
// are some kilobytes.
const maxAnswer = 1 << 20

// errRedirect says that the provider wants to be asked elsewhere.
var errRedirect = errors.New("it answers with a redirect, which is not followed: name the issuer as it names itself")

// client asks the provider. It follows no redirect, which would carry the
// client's secret to wherever the answer says, and reads no more than it must.
func client() *http.Client {
	d := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
		Transport: bounded{&http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: d.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second, MaxIdleConns: 4, IdleConnTimeout: time.Minute}},
	}
}

// bounded cuts answers off.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = cut{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

type cut struct {
	io.Reader
	io.Closer
}

// quiet leaves out of an error what the provider said: it may repeat a code.
func quiet(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return fmt.Errorf("it answered %d %s", refused.Response.StatusCode, plain(refused.ErrorCode, 60))
	}
	if errors.Is(err, errRedirect) {
		return errRedirect
	}
	var ne net.Error
	if errors.As(err, &ne) {
		return err
	}
	return errors.New(plain(err.Error(), 200))
}
