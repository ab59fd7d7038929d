package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector sends spans by OTLP over HTTP. The exporter of OpenTelemetry does
// the same and links gRPC, a quarter of our binary.
type collector struct {
	url     string
	headers map[string]string
	timeout time.Duration
	client  *http.Client
}

const (
	tries       = 3
	firstPause  = time.Second
	sendTimeout = 10 * time.Second
)

// newCollector reads where spans go; on is false when nobody asked for them.
func newCollector(getenv func(string) string) (c *collector, on bool, err error) {
	first := func(names ...string) (name, value string) {
		for _, n := range names {
			if v := strings.TrimSpace(getenv(n)); v != "" {
				return n, v
			}
		}
		return names[0], ""
	}
	name, endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	_, exporter := first("OTEL_TRACES_EXPORTER")
	if endpoint == "" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || exporter == "none" {
		return nil, false, nil
	}
	if exporter != "" && exporter != "otlp" {
		return nil, false, fmt.Errorf("OTEL_TRACES_EXPORTER %q: want otlp or none", exporter)
	}
	if n, p := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, false, fmt.Errorf("%s %q: want http/protobuf, which collectors take on port 4318", n, p)
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, false, fmt.Errorf("%s: want http://host:4318 or https://", name) // it may hold a password
	}
	if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		u = u.JoinPath("v1", "traces")
	}
	c = &collector{url: u.String(), headers: map[string]string{}, client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 2}}}
	n, text := first("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
	if c.timeout, err = within(text, sendTimeout); err != nil {
		return nil, false, fmt.Errorf("%s %w", n, err)
	}
	n, text = first("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
	for _, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, "=")
		v, err := url.PathUnescape(strings.TrimSpace(v))
		if !ok || err != nil {
			return nil, false, fmt.Errorf("%s: want name=value, name=value", n)
		}
		c.headers[strings.TrimSpace(k)] = v
	}
	return c, true, nil
}

func (c *collector) host() string {
	u, err := url.Parse(c.url)
	if err != nil {
		return ""
	}
	return u.Host
}

// Start serves otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop serves otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces serves otlptrace.Client. The collector's request has the form
// of TracesData, field by field.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	pause := firstPause
	for n := 1; ; n++ {
		again, err := c.send(ctx, body)
		if err == nil || !again || n == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// send posts once; again says whether another try may help.
func (c *collector) send(ctx context.Context, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("send spans: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	for k, v := range c.headers {
		req.Header.Set(k, v)
	}
	res, err := c.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its text holds the URL
		}
		return true, fmt.Errorf("send spans to %s: %w", c.host(), err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, fmt.Errorf("send spans to %s: %s", c.host(), res.Status)
	}
	if res.StatusCode/100 != 2 {
		return false, fmt.Errorf("send spans to %s: %s: check OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS", c.host(), res.Status)
	}
	return false, nil
}
