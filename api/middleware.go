package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"
)

// The limits of a connection (RELIABILITY T8).
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Server returns a server with our limits around a handler. log takes what
// net/http has to say.
func Server(h http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: zap.NewStdLog(log.Named("http"))}
}

type contextKey int

const (
	keySecret contextKey = iota
	keyRequestID
)

// hideSecret takes the secret out of the URL and the headers before anything
// else can see, log or report it. It is the outermost layer of the public
// listener.
func hideSecret(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := r.Header.Get("X-Webhook-Secret")
		if b, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && shown == "" {
			shown = b
		}
		q, err := url.ParseQuery(r.URL.RawQuery)
		if s := q.Get("secret"); s != "" {
			shown = s
		}
		q.Del("secret")
		if err != nil {
			q = url.Values{} // what cannot be parsed may hold a secret too
		}
		r = r.WithContext(context.WithValue(r.Context(), keySecret, shown))
		r.Header.Del("X-Webhook-Secret")
		r.Header.Del("Authorization")
		u := *r.URL
		u.RawQuery = q.Encode()
		u.ForceQuery = false
		r.URL = &u
		r.RequestURI = u.RequestURI()
		w.Header().Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func shownSecret(ctx context.Context) string {
	s, _ := ctx.Value(keySecret).(string)
	return s
}

// withRequestID names the request: by the caller's name for it if that is
// harmless, else by our own.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if len(id) > 64 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != "" || id == "" {
			id = rand.Text()
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), keyRequestID, id)))
	})
}

func requestID(ctx context.Context) string {
	s, _ := ctx.Value(keyRequestID).(string)
	return s
}

// recovered turns a panic into a 500 and a log entry without the request.
func recovered(log *zap.Logger, count func()) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(p)
				}
				count()
				log.Error("a request panicked", zap.String("request_id", requestID(r.Context())), zap.String("panic", fmt.Sprintf("%T", p)), zap.ByteString("stack", debug.Stack()))
				writeProblem(w, r, problem(http.StatusInternalServerError, "internal", "an error of ours; the log has it under the request id"))
			}()
			next.ServeHTTP(w, r)
		})
	}
}

// loopback reports whether the socket's peer is this machine. Headers of
// proxies do not count.
func loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}
