package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5/middleware"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/secret"
)

type contextKey int

const (
	keySecret contextKey = iota
	keyRequestID
	keyActor
)

// hideSecret takes the secret out of the URL and the headers before anything
// else can see, log or report it. It is the outermost layer of the public
// listener.
func hideSecret(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := r.Header.Get("X-Webhook-Secret")
		if shown == "" {
			shown = bearer(r)
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
		u.ForceQuery, u.User, u.Fragment, u.RawFragment = false, nil, "", ""
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

// maxRequestID is the length of a UUID: longer ones are not taken, lest somebody
// who mistakes the header puts a secret into the log.
const maxRequestID = 36

// withRequestID names the request: by the caller's name for it if that is
// harmless, else by our own.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if len(id) > maxRequestID || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != "" || id == "" {
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

// recovered turns a panic into a 500, counts it, and logs the stack without
// the request. If the answer has begun, the connection is cut instead: half an
// answer must not look like a whole one.
func recovered(log *zap.Logger, count func()) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(p)
				}
				count()
				log.Error("a request panicked", zap.String("request_id", requestID(r.Context())), zap.String("panic", secret.PanicText(p)), zap.ByteString("stack", debug.Stack()))
				if ww.Status() != 0 {
					panic(http.ErrAbortHandler)
				}
				writeProblem(ww, r, problem(http.StatusInternalServerError, "internal", "an error of ours; the log has it under the request id"))
			}()
			next.ServeHTTP(ww, r)
		})
	}
}
