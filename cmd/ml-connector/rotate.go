package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) tenantRotateSecret() *cobra.Command {
	var retire bool
	c := &cobra.Command{
		Use: "rotate-secret ID", Short: "Add a second live webhook secret, or end the old one", Args: exactArgs(1),
		Long: `Adds a second live webhook secret and prints the new URL: this is the only
time that it is shown. Both secrets admit posts until --retire-old ends the old
one. tenant show tells which of the two is in use, and since when.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTenant(cmd, args[0], func(conf service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				if retire {
					return a.retireSecret(cmd, rooms, t)
				}
				ctx := cmd.Context()
				dep, err := rooms.Tenants.Deployment(ctx)
				if err != nil {
					return err
				}
				var stored *tenant.Tenant
				var fresh secret.String
				if err := a.changing(cmd, rooms, "tenant rotate-secret", t.ID, nil, func(ctx context.Context) error {
					if stored, fresh, err = rooms.Tenants.RotateSecret(ctx, t.ID); err != nil {
						return err
					}
					audit.Of(ctx).Tell("new_secret", secret.Fingerprint(dep, fresh))
					return nil
				}); err != nil {
					return err
				}
				path := api.HookPath(t.ID) + "?secret=" + fresh.Reveal()
				if a.output == "json" {
					return writeJSON(cmd.OutOrStdout(), map[string]any{"tenant": t.ID, "version": stored.Version, "fingerprint": secret.Fingerprint(dep, fresh), "secret": fresh.Reveal(), "path": path})
				}
				fmt.Fprintf(cmd.OutOrStdout(), "new webhook URL, shown only this once (fingerprint %s):\n\n  %s%s\n\nEnter it in NetSuite, watch tenant show %s until the new secret is in use, then: ml-connector tenant rotate-secret %s --retire-old\n",
					secret.Fingerprint(dep, fresh), cmp.Or(strings.TrimRight(conf.PublicURL, "/"), "https://<your public host>"), path, t.ID, t.ID)
				return nil
			})
		},
	}
	c.Flags().BoolVar(&retire, "retire-old", false, "end the older of the two live secrets")
	return c
}

func (a *app) retireSecret(cmd *cobra.Command, rooms service.Rooms, t *tenant.Tenant) error {
	ctx := cmd.Context()
	old, err := rooms.Tenants.LookAtOldSecret(ctx, t.ID, time.Now())
	if err != nil {
		return err
	}
	if old.Warning != "" {
		if err := a.confirm(cmd, "End the old secret although %s?", old.Warning); err != nil {
			return err
		}
	}
	var stored *tenant.Tenant
	if err := a.changing(cmd, rooms, "tenant rotate-secret --retire-old", t.ID, map[string]string{"ended": old.Old.Name}, func(ctx context.Context) error {
		stored, err = rooms.Tenants.RetireOldSecret(ctx, t.ID)
		return err
	}); err != nil {
		return err
	}
	if a.output == "json" {
		return writeJSON(cmd.OutOrStdout(), map[string]any{"tenant": t.ID, "version": stored.Version, "ended": old.Old.Name, "fingerprint": old.New.Name})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "the old secret (%s) is ended; posts with it are refused within seconds\n", old.Old.Name)
	return nil
}
