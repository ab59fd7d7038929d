package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is longer than readyz takes to give up on Redis.
const healthTimeout = 4 * time.Second

func (a *app) healthcheckCommand() *cobra.Command {
	var page string
	c := &cobra.Command{
		Use: "healthcheck", Short: "Ask the service on this machine whether it is ready", Args: exactArgs(0),
		Long: `Exits 0 when /readyz of MLC_OPS_ADDR answers 200, else 1. For the HEALTHCHECK of
an image that has no shell and no curl.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if page == "" {
				conf, err := a.config()
				if err != nil {
					return err
				}
				if page, err = readyPage(conf.OpsAddr); err != nil {
					return err
				}
			}
			return healthy(cmd.Context(), page)
		},
	}
	c.Flags().StringVar(&page, "url", "", "another page to ask than /readyz of MLC_OPS_ADDR")
	return c
}

// readyPage is /readyz of a listener's address, seen from this machine.
func readyPage(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("MLC_OPS_ADDR %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/readyz"}).String(), nil
}

func healthy(ctx context.Context, page string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", page, err)
	}
	res, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		return fmt.Errorf("ask whether the service is ready: %w: is it running?", err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: add ?verbose to it to see which check fails", page, res.Status)
	}
	return nil
}
