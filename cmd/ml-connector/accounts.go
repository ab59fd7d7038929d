package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) accountsCommand() *cobra.Command {
	var since, file string
	var block bool
	c := &cobra.Command{
		Use: "accounts TENANT [--since DATE] [--suggest] [--rehearse FILE]", Short: "Show the NetSuite accounts in use and the Cin7 account of each", Args: exactArgs(1),
		Long: `Reads the bills and credits since a date (by default of the last 90 days) and
lists each account that they post to, with its lines, its amount in base
currency, its Cin7 account, and how that was found. For an account without one:
up to three suggestions with a score and the reasons. Nothing is taken from a
suggestion until the mapping says so.

--suggest writes a mapping to read, correct and paste under sync.mapping.
--rehearse FILE says what a mapping would do, before it counts: the file has
the mapping section of a tenant file.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var other *tenant.Mapping
			if file != "" {
				b, err := os.ReadFile(file) //nolint:gosec // whoever runs the program names the file
				if err != nil {
					return fmt.Errorf("--rehearse: %w", err)
				}
				m, err := tenant.ParseMapping(b)
				if err != nil {
					return usageError{fmt.Errorf("--rehearse %s: %w", file, err)}
				}
				other = &m
			}
			return a.withTenant(cmd, args[0], func(conf service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				u, err := service.Usage(cmd.Context(), conf, rooms, t, since)
				if err != nil {
					return err
				}
				w := cmd.OutOrStdout()
				if other != nil {
					change := u.Compare(t, *other)
					if a.output == "json" {
						return writeJSON(w, change)
					}
					var rows []table.Row
					for _, m := range change.Moves {
						rows = append(rows, table.Row{m.Number, m.Name, dash(m.From), dash(m.To), m.Lines})
					}
					fmt.Fprintf(w, "As it is:   %s\nRehearsed:  %s\n", change.Before, change.After)
					if len(rows) == 0 {
						fmt.Fprintln(w, "No account in use changes its Cin7 account.")
						return nil
					}
					return a.show(cmd, nil, table.Row{"Account", "Name", "From", "To", "Lines"}, rows)
				}
				accounts := u.Evaluate(t)
				switch {
				case block:
					fmt.Fprint(w, accounts.Block())
					return nil
				case a.output == "json":
					return writeJSON(w, accounts)
				}
				var rows []table.Row
				for _, x := range accounts.Accounts {
					var lines []string
					for _, s := range x.Suggestions {
						lines = append(lines, fmt.Sprintf("%s %s (%d: %s)", s.Code, s.Name, s.Score, strings.Join(s.Reasons, ", ")))
					}
					how := x.How
					if how == "" {
						how = "unmapped"
					}
					rows = append(rows, table.Row{x.Number, x.Name, x.Type, x.Lines, x.Amount.StringFixed(2), strings.TrimSpace(x.Code + " " + x.Cin7Name), how, strings.Join(lines, "\n")})
				}
				if err := a.show(cmd, nil, table.Row{"Account", "Name", "Type", "Lines", "Amount", "Cin7", "How", "Suggestions"}, rows); err != nil {
					return err
				}
				fmt.Fprintln(w, accounts.Sentence())
				return nil
			})
		},
	}
	c.Flags().StringVar(&since, "since", "", "first day, YYYY-MM-DD; by default 90 days ago")
	c.Flags().BoolVar(&block, "suggest", false, "write a mapping to paste")
	c.Flags().StringVar(&file, "rehearse", "", "say what the mapping in this file would do")
	return c
}
