// Package admission is the receive path of the service up to the queue: the
// same router, address, secret and reading of the body, and then whatever
// queue is compared. It writes no log, counts nothing and keeps no webhook for
// people, so what it is compared with has more to do.
package admission

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

// Enqueue makes one event durable.
type Enqueue func(ctx context.Context, tenantID, recordType, id string) error

// Handler admits webhooks and hands their events to enqueue.
func Handler(door *tenant.Door, enqueue Enqueue) http.Handler {
	r := chi.NewRouter()
	r.Use(allowlist.Trust{}.Middleware())
	r.Post("/webhooks/netsuite/{tenant}", func(w http.ResponseWriter, r *http.Request) {
		id := chi.URLParam(r, "tenant")
		v, err := door.Check(r.Context(), id, allowlist.Client(r), r.URL.Query().Get("secret"))
		if err != nil || !v.Admitted {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256<<10))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		events, _, err := netsuite.ParseEvent(body, r.URL.Query(), netsuite.EventOptions{})
		if err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		for _, e := range events {
			if err := enqueue(r.Context(), id, string(e.Type), e.ID.String()); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"accepted":1,"ignored":0}`)
	})
	return r
}

// Serve opens the tenants of MLC_REDIS_URL and MLC_KEYSET_FILE and serves
// MLC_PUBLIC_ADDR until it is told to end.
func Serve(enqueue Enqueue) error {
	ks, err := secret.Load(secret.Source{File: os.Getenv("MLC_KEYSET_FILE")})
	if err != nil {
		return err
	}
	o, err := redis.ParseURL(os.Getenv("MLC_REDIS_URL"))
	if err != nil {
		return fmt.Errorf("MLC_REDIS_URL: %w", err)
	}
	rdb := redis.NewClient(o)
	defer func() { _ = rdb.Close() }()
	return Listen(Handler(tenant.NewDoor(tenant.NewStore(rdb, ks)), enqueue))
}

// Listen serves MLC_PUBLIC_ADDR until it is told to end.
func Listen(h http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &http.Server{Addr: os.Getenv("MLC_PUBLIC_ADDR"), Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	if err := s.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}
