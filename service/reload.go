package service

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ml-connector/ml-connector/api"
)

// live is what can be changed while the service runs, by SIGHUP: the log
// level, the tokens of the ops API, the trusted proxies. A tenant's settings,
// its allowlist among them, come from Redis and need no reload.
type live struct {
	c      Config
	access atomic.Pointer[api.Access]
	level  *zap.AtomicLevel
	log    *zap.Logger
}

// reloadable are the keys that a reload changes; others need a restart.
var reloadable = map[string]bool{"log_level": true, "ops_tokens_file": true, "trusted_proxies": true}

func newLive(c Config, o Options) (*live, error) {
	l := &live{c: c, level: o.Level, log: o.Log}
	a, err := access(c)
	if err != nil {
		return nil, err
	}
	l.access.Store(a)
	return l, nil
}

// access reads who may come in.
func access(c Config) (*api.Access, error) {
	a := &api.Access{Trust: c.trust}
	if c.OpsTokensFile == "" {
		return a, nil
	}
	data, err := os.ReadFile(c.OpsTokensFile)
	if err != nil {
		return nil, fmt.Errorf("MLC_OPS_TOKENS_FILE: %w", err)
	}
	if a.Tokens, err = api.ParseTokens(data); err != nil {
		return nil, fmt.Errorf("MLC_OPS_TOKENS_FILE %s: %w", c.OpsTokensFile, err)
	}
	return a, nil
}

// follow applies what is read anew until ctx is done.
func (l *live) follow(ctx context.Context, reload <-chan Config) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case c, open := <-reload:
			if !open {
				return nil
			}
			l.apply(c)
		}
	}
}

// apply puts new settings in force, all that can be or, when one is wrong,
// none.
func (l *live) apply(c Config) {
	a, err := access(c)
	if err != nil {
		l.log.Error("reload: the settings stay as they are", zap.Error(err))
		return
	}
	level, err := zapcore.ParseLevel(c.LogLevel)
	if err != nil {
		l.log.Error("reload: the settings stay as they are", zap.Error(err))
		return
	}
	var later []string
	old, now := reflect.ValueOf(l.c), reflect.ValueOf(c)
	for i := range now.NumField() {
		key := now.Type().Field(i).Tag.Get("yaml")
		if key != "" && !reloadable[key] && !reflect.DeepEqual(old.Field(i).Interface(), now.Field(i).Interface()) {
			later = append(later, prefix+strings.ToUpper(key))
		}
	}
	l.access.Store(a)
	if l.level != nil {
		l.level.SetLevel(level)
	}
	l.log.Info("reloaded", zap.String("log_level", c.LogLevel), zap.String("trusted_proxies", c.TrustedProxies), zap.Int("tokens", len(a.Tokens)))
	if len(later) > 0 {
		l.log.Warn("reload: these settings changed and need a restart", zap.Strings("settings", later))
	}
}

// leaving asks callers to close their connection once staying is done: a
// connection kept open could be used in the moment in which we close it.
func leaving(staying context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if staying.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
