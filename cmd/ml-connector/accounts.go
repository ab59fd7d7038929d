package main

import (
	"errors"
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
	var block, history bool
	c := &cobra.Command{
		Use: "accounts TENANT [--since DATE] [--suggest] [--rehearse FILE] [--history]", Short: "Show the NetSuite accounts in use and the Cin7 account of each", Args: exactArgs(1),
		Long: `Reads the bills and credits since a date (by default of the last 90 days) and
lists each account that they post to, with its lines, its amount in base
currency, its Cin7 account, and how that was found. For an account without one:
up to three suggestions with a score and the reasons. Nothing is taken from a
suggestion until the mapping says so.

--suggest writes a mapping to read, correct and paste under sync.mapping.
--rehearse FILE says what a mapping would do, before it counts: the file has
the mapping section of a tenant file.
--history lists the versions of the mapping (when, who, what), and what is
posted under an older one and stands otherwise than it would today. It asks
neither NetSuite nor Cin7.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if history && (block || file != "" || since != "") {
				return usageError{errors.New("--history goes alone: it shows what was, not what would be")}
			}
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
				if history {
					return a.mappingHistory(cmd, rooms, t)
				}
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
	c.Flags().BoolVar(&history, "history", false, "list the versions of the mapping, and what is posted under an older one")
	c.Flags().StringVar(&file, "rehearse", "", "say what the mapping in this file would do")
	return c
}

// mappingHistory shows the versions of a mapping, and what they left behind.
func (a *app) mappingHistory(cmd *cobra.Command, rooms service.Rooms, t *tenant.Tenant) error {
	m, err := service.MappingsOf(cmd.Context(), rooms, t)
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, v := range m.Versions {
		for _, c := range v.Changes {
			rows = append(rows, table.Row{v.Version, moment(v.At), v.Who, c.Table + "." + c.Key, dash(c.From), dash(c.To)})
		}
	}
	if err := a.show(cmd, m, table.Row{"Version", "When", "Who", "Entry", "From", "To"}, rows); err != nil || a.output == "json" {
		return err
	}
	w := cmd.OutOrStdout()
	if len(m.Older) == 0 {
		fmt.Fprintln(w, "Nothing that is posted stands otherwise than it would today.")
		return nil
	}
	fmt.Fprintln(w, "Posted under an older version, and left as it is:")
	rows = nil
	for _, x := range m.Older {
		rows = append(rows, table.Row{x.Type, x.ID, x.Number, x.Vendor, x.Settings, x.Account + x.Product, dash(x.Now)})
	}
	if err := a.show(cmd, nil, table.Row{"Type", "Id", "Number", "Vendor", "Version", "In Cin7", "Today"}, rows); err != nil {
		return err
	}
	if m.More {
		fmt.Fprintln(w, "There are more.")
	}
	return nil
}
