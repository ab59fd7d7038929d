package api

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/state"
)

const (
	// hookTimeout is how long keeping a webhook for people may take.
	hookTimeout = time.Second
	// maxHookWrites bounds what a flood of webhooks costs Redis beside the
	// marks: beyond it webhooks are answered as ever, but not kept.
	maxHookWrites = 32
	// shownHooks is how many webhooks are listed.
	shownHooks = 200
)

// keepHook keeps a webhook of a known tenant with its verdict, for people. It
// happens beside the answer, not before it: what it costs must not tell a
// stranger which tenants exist, nor hold up an accepted webhook.
func (a *public) keepHook(ctx context.Context, tenantID string, h state.Hook) {
	select {
	case a.hookWrites <- struct{}{}:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hookTimeout)
	a.c.Go(func() error {
		defer func() { <-a.hookWrites }()
		defer cancel()
		if err := a.c.States.Tenant(tenantID).AddHook(ctx, h); err != nil {
			a.c.Log.Debug("keep a webhook", zap.String("request_id", requestID(ctx)), zap.String("tenant", tenantID), zap.Error(err))
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
