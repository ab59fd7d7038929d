package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/state"
)

const (
	// hookTimeout is how long keeping webhooks for people may take.
	hookTimeout = 800 * time.Millisecond
	// hookPause is how long the writer gathers what came while it wrote: with
	// maxHooks it is what a flood of webhooks costs beside their marks.
	hookPause = 250 * time.Millisecond
	// maxHooks is how many webhooks wait to be kept: beyond it they are
	// answered as ever, but not kept. It bounds what a flood of webhooks costs
	// Redis beside the marks.
	maxHooks = 200
	// shownHooks is how many webhooks are listed.
	shownHooks = 200
)

// hooks are the webhooks that wait to be kept.
type hooks struct {
	mu      sync.Mutex
	waiting []state.TenantHook
	writing bool
}

// add reports whether the caller must see to it that they are written.
func (h *hooks) add(one state.TenantHook, from allowlist.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) < maxHooks {
		if from.IsValid() {
			one.Address = from.String()
		}
		h.waiting = append(h.waiting, one)
	}
	mine := !h.writing
	h.writing = true
	return mine
}

// some reports whether something is to be written.
func (h *hooks) some() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting) > 0
}

// take returns what is to be written; nothing ends the writer's turn.
func (h *hooks) take() []state.TenantHook {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.waiting
	h.waiting = nil
	h.writing = len(out) > 0
	return out
}

// keepHook keeps a webhook of a known tenant with its verdict, for people. It
// happens beside the answer, not before it: what it costs must not tell a
// stranger which tenants exist, nor hold up an accepted webhook. What comes
// while some are written goes together.
func (a *public) keepHook(ctx context.Context, tenantID string, h state.Hook) {
	if !a.hooks.add(state.TenantHook{Tenant: tenantID, Hook: h}, addressOf(ctx)) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	a.c.Go(func() error {
		some := a.hooks.take()
		for ; len(some) > 0; some = a.hooks.take() {
			end, cancel := context.WithTimeout(ctx, hookTimeout)
			if err := a.c.States.AddHooks(end, some...); err != nil {
				a.c.Log.Debug("keep webhooks", zap.Int("webhooks", len(some)), zap.String("request_id", requestID(ctx)), zap.Error(err))
			}
			cancel()
			if a.hooks.some() {
				<-time.After(hookPause)
			}
		}
		return nil
	})
}

// countUses writes which secrets and addresses were used, beside the answer.
func (a *public) countUses(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	a.c.Go(func() error {
		if err := a.c.Door.Flush(ctx); err != nil {
			a.c.Log.Debug("count webhook uses", zap.String("request_id", requestID(ctx)), zap.Error(err))
		}
		return nil
	})
}

// hookView is a recent webhook as the API shows it.
type hookView struct {
	At       time.Time `json:"at"`
	Address  string    `json:"address,omitempty"`
	Verdict  string    `json:"verdict"`
	Detail   string    `json:"detail,omitempty"`
	Accepted int       `json:"accepted"`
	Ignored  int       `json:"ignored"`
}

func (a *ops) listHooks(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	hooks, err := a.records(t).Hooks(r.Context(), shownHooks)
	if err != nil {
		return err
	}
	out := make([]hookView, 0, len(hooks))
	for _, h := range hooks {
		out = append(out, hookView(h))
	}
	writeJSON(w, http.StatusOK, map[string]any{"events": out})
	return nil
}
