package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

// coverageCommand states how completely NetSuite has been read.
func (a *app) coverageCommand() *cobra.Command {
	return &cobra.Command{Use: "coverage TENANT", Short: "How completely NetSuite has been read", Args: exactArgs(1),
		Long: `States for each record type up to when every change has been read, and names
each gap with its remedy. With --output json also the records created per day on
both sides, as the last comparison counted them.

Exit code 1 when there is a gap.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				all, err := poller.CoverageOf(cmd.Context(), t, rooms.States.Tenant(t.ID), time.Now())
				if err != nil {
					return err
				}
				gaps := 0
				var rows []table.Row
				for _, c := range all {
					compared := ""
					if c.ComparedAt != nil {
						compared = moment(*c.ComparedAt)
					}
					text := c.Text()
					for _, g := range c.Gaps {
						gaps++
						text += "\nFix: " + g.Fix
					}
					for _, n := range c.Notes {
						text += "\nNote: " + n
					}
					rows = append(rows, table.Row{c.Type, c.Known, text, c.Watermark, compared})
				}
				if err := a.show(cmd, all, table.Row{"Type", "Records", "Coverage", "Watermark", "Compared"}, rows); err != nil {
					return err
				}
				if gaps > 0 {
					return errors.New(plural(gaps, "gap"))
				}
				return nil
			})
		}}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
