package main

import (
	"net"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/service"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the service until it is told to stop", Args: exactArgs(0),
		Long: `Runs the roles of MLC_ROLES: api takes webhooks (MLC_PUBLIC_ADDR) and serves
probes, metrics and the ops API (MLC_OPS_ADDR); worker drains lanes and polls.
Needs MLC_REDIS_URL and MLC_KEYSET_FILE.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			log, err := service.Logger(c)
			if err != nil {
				return err
			}
			defer func() { _ = log.Sync() }()
			return service.Run(cmd.Context(), c, service.Options{Log: log, Ready: func(public, ops net.Addr) {
				fields := []zap.Field{zap.Stringer("ops", ops)}
				if public != nil {
					fields = append(fields, zap.Stringer("webhooks", public))
				}
				log.Info("listening", fields...)
			}})
		},
	}
}
