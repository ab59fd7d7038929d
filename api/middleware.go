package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/secret"
)

type contextKey int

const (
	keyKnock contextKey = iota
	keyRequestID
	keyActor
)

// knock is what the layers of the public listener find out of a request. It is
// the request's context, the router's too, so that it costs one allocation and
// not one a layer.
type knock struct {
	context.Context
	secret, id string
	addr       allowlist.Addr
	idHeader   [1]string
	answer     answer
	route      *chi.Context
	text       [64]byte // room for the address in the log
}

// MarshalLogObject serves zapcore.ObjectMarshaler.
func (k *knock) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("request_id", k.id)
	enc.AddByteString("remote_ip", k.addr.AppendTo(k.text[:0])) // empty: unknown
	return nil
}

// Value serves context.Context.
func (k *knock) Value(key any) any {
	switch key {
	case keyKnock:
		return k
	case keyRequestID:
		return k.id
	case chi.RouteCtxKey:
		return k.route
	}
	return k.Context.Value(key)
}

// knockOf is nil on the ops listener.
func knockOf(ctx context.Context) *knock {
	k, _ := ctx.Value(keyKnock).(*knock)
	return k
}

// answer remembers whether an answer has begun.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Status is 0 until the answer has begun.
func (a *answer) Status() int { return a.status }

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Values of headers that never change: whoever sets them shares them.
var (
	noReferrer = []string{"no-referrer"}
	noStore    = []string{"no-store"}
	noSniff    = []string{"nosniff"}
	typeJSON   = []string{"application/json"}
)

// routes are the router's notes on a request, to be used again: chi's own
// would cost another context and another copy of the request.
var routes = sync.Pool{New: func() any { return chi.NewRouteContext() }}

// hideSecret takes the secret out of the URL and the headers before anything
// else can see, log or report it: whoever holds the request has it without. It
// is the outermost layer of the public listener, outside even of the router.
func hideSecret(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := r.Header.Get("X-Webhook-Secret")
		if shown == "" {
			shown = bearer(r)
		}
		u := r.URL
		if s, only := onlySecret(u.RawQuery); only {
			if s != "" {
				shown = s
			}
			u.RawQuery = ""
		} else {
			q, err := url.ParseQuery(u.RawQuery)
			if s := q.Get("secret"); s != "" {
				shown = s
			}
			q.Del("secret")
			if err != nil {
				q = url.Values{} // what cannot be parsed may hold a secret too
			}
			u.RawQuery = q.Encode()
		}
		u.ForceQuery, u.User, u.Fragment, u.RawFragment = false, nil, "", ""
		delete(r.Header, "X-Webhook-Secret")
		delete(r.Header, "Authorization")
		r.RequestURI = u.RequestURI()
		w.Header()["Referrer-Policy"] = noReferrer
		route := routes.Get().(*chi.Context)
		route.Reset()
		next.ServeHTTP(w, r.WithContext(&knock{Context: r.Context(), secret: shown, route: route}))
		routes.Put(route)
	})
}

// onlySecret reads the query of nearly all posts, that holds the secret and
// nothing else, and no query at all. What it does not report as such must be
// parsed.
func onlySecret(query string) (shown string, only bool) {
	if query == "" {
		return "", true
	}
	s, ok := strings.CutPrefix(query, "secret=")
	return s, ok && harmless(s, "_-")
}

// harmless reports whether a text is made of letters, digits and some others.
func harmless(s, others string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return true
}

func shownSecret(ctx context.Context) string {
	if k := knockOf(ctx); k != nil {
		return k.secret
	}
	return ""
}

// addressOf is the client's address; zero when it could not be told.
func addressOf(ctx context.Context) allowlist.Addr {
	if k := knockOf(ctx); k != nil {
		return k.addr
	}
	return allowlist.Addr{}
}

// maxRequestID is shorter than any webhook secret, lest somebody who mistakes
// the header puts one into the log. Longer names are taken in the usual forms
// alone: a UUID, or the 32 hex digits of ingress-nginx and of traces.
const maxRequestID = 31

var requestIDForm = regexp.MustCompile(`^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$`)

// mayName reports whether a caller's name for a request may be repeated. In no
// form may it be the secret that the same request shows.
func mayName(id, shown string) bool {
	return id != "" && id != shown && (len(id) <= maxRequestID && harmless(id, "._-") || requestIDForm.MatchString(id))
}

// withRequestID names the request: by the caller's name for it if that is
// harmless, else by our own.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !mayName(id, shownSecret(r.Context())) {
			id = rand.Text()
		}
		if k := knockOf(r.Context()); k != nil {
			k.id, k.idHeader[0] = id, id
			w.Header()["X-Request-Id"] = k.idHeader[:]
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), keyRequestID, id)))
	})
}

func requestID(ctx context.Context) string {
	if k := knockOf(ctx); k != nil {
		return k.id // not by its key, which would cost an allocation
	}
	s, _ := ctx.Value(keyRequestID).(string)
	return s
}

// recovered turns a panic into a 500, counts it, and logs the stack without
// the request. If the answer has begun, the connection is cut instead: half an
// answer must not look like a whole one.
func recovered(log *zap.Logger, count func()) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ww := remembering(w, r)
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

// remembering wraps an answer so that its status can be asked for.
func remembering(w http.ResponseWriter, r *http.Request) interface {
	http.ResponseWriter
	Status() int
} {
	if k := knockOf(r.Context()); k != nil {
		k.answer.ResponseWriter = w
		return &k.answer
	}
	return middleware.NewWrapResponseWriter(w, r.ProtoMajor)
}
