package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor [ID]", Short: "Check the installation, or it and a tenant, with a fix for what is wrong",
		Long: `Checks Redis, the keyset and the audit log; without a tenant also whether the
settings of all tenants can be read; with one its credentials,
what the NetSuite role may read, the names that the settings use in Cin7, the
currencies, the certificate, the webhook secrets, the clocks and, when
MLC_PUBLIC_URL is set, whether posts get through to it and from which address.
Writes nothing in NetSuite or Cin7. Exit 1 when a check fails; ? is what could
not be checked.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("%d arguments, want at most a tenant: %s", len(args), cmd.UseLine())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			rooms, rdb, closing, err := service.Open(cmd.Context(), c, service.Options{})
			if err != nil {
				return err
			}
			defer closing()
			var t *tenant.Tenant
			if len(args) == 1 {
				t, err = rooms.Tenants.Get(cmd.Context(), args[0])
				if errors.Is(err, tenant.ErrNotFound) {
					return fmt.Errorf("there is no tenant %q: see ml-connector tenant ls", args[0])
				}
				if err != nil {
					return err
				}
			}
			return a.checklist(cmd, service.Doctor(cmd.Context(), service.Examination{Rooms: rooms, Redis: rdb, Transports: service.Transports(c), PublicURL: c.PublicURL}, t))
		},
	}
}
