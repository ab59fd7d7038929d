package main

import (
	"context"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/trace"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the service until it is told to stop", Args: exactArgs(0),
		Long: `Runs the roles of MLC_ROLES: api takes webhooks (MLC_PUBLIC_ADDR) and serves
probes, metrics and the ops API (MLC_OPS_ADDR); worker drains lanes and polls.
Needs MLC_REDIS_URL and MLC_KEYSET_FILE.

SIGTERM: readiness goes off, the calls in hand are finished, lanes are given
back, posts are taken for MLC_DRAIN_SECONDS more; a second signal ends at once.
SIGHUP reads the --config file and MLC_OPS_TOKENS_FILE again: log level, tokens
and trusted proxies change, the log says what else would need a restart.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			log, level, err := service.Logger(c)
			if err != nil {
				return err
			}
			defer func() { _ = log.Sync() }()
			tracer, flush, err := trace.Setup(cmd.Context(), os.Getenv, service.Version().Version, log)
			if err != nil {
				return err
			}
			defer func() {
				end, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), flushTimeout)
				defer cancel()
				if err := flush(end); err != nil {
					log.Warn("send the last spans", zap.Error(err))
				}
			}()
			return service.Run(cmd.Context(), c, service.Options{Log: log, Tracer: tracer, Level: &level, Reload: a.reloads(cmd.Context(), log), Ready: func(public, ops net.Addr) {
				fields := []zap.Field{zap.Stringer("ops", ops)}
				if public != nil {
					fields = append(fields, zap.Stringer("webhooks", public))
				}
				log.Info("listening", fields...)
			}})
		},
	}
}

// flushTimeout ends the wait for a collector that does not take the last spans.
const flushTimeout = 3 * time.Second

// reloads reads the settings again at each SIGHUP until ctx is done. What
// cannot be read is logged and changes nothing.
func (a *app) reloads(ctx context.Context, log *zap.Logger) <-chan service.Config {
	out, hup := make(chan service.Config), make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hup)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			}
			c, err := a.config()
			if err != nil {
				log.Error("reload: the settings stay as they are", zap.Error(err))
				continue
			}
			select {
			case <-ctx.Done():
				return
			case out <- c:
			}
		}
	}()
	return out
}
