package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) planCommand() *cobra.Command {
	var typ, id, out string
	c := &cobra.Command{
		Use: "plan TENANT [--type TYPE --id NSID] [--out FILE]", Short: "List every call to Cin7 that would be made, and make none", Args: exactArgs(1),
		Long: `Reads NetSuite and Cin7 as they are now and lists, in order, every call that
would change something in Cin7, with its reason, what it finds and what it
leaves. Nothing is written, neither to Cin7 nor to what is kept of the records.

Without --type and --id: for all records that are not in step. Names in braces
stand for ids that Cin7 will give. --out writes the plan for
ml-connector apply FILE, which makes exactly these calls or refuses.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (typ == "") != (id == "") {
				return usageError{fmt.Errorf("--type and --id go together")}
			}
			return a.withTenant(cmd, args[0], func(conf service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				var refs []queue.Ref
				if id != "" {
					r, err := recordArgs([]string{args[0], typ, id})
					if err != nil {
						return err
					}
					refs = []queue.Ref{r}
				} else {
					some, more, err := service.Unfinished(cmd.Context(), rooms, t)
					if err != nil {
						return err
					}
					if refs = some; more {
						fmt.Fprintf(cmd.ErrOrStderr(), "more than %d records are not in step: this plan is for the first of them; apply it and plan again\n", service.MaxPlanned)
					}
				}
				p, err := service.Plan(cmd.Context(), conf, rooms, t, refs)
				if err != nil {
					return err
				}
				if out != "" {
					if err := writeTo(cmd.Context(), nil, out, func(w io.Writer) error { return writeJSON(w, p) }); err != nil {
						return err
					}
				}
				if a.output == "json" {
					return writeJSON(cmd.OutOrStdout(), p)
				}
				a.printPlan(cmd, p, out)
				return nil
			})
		},
	}
	c.Flags().StringVar(&typ, "type", "", "vendor, purchaseorder, itemreceipt, vendorbill or vendorcredit")
	c.Flags().StringVar(&id, "id", "", "NetSuite's internal id of the record")
	c.Flags().StringVar(&out, "out", "", "write the plan to this file, for apply")
	return c
}

// printPlan shows a plan to people.
func (a *app) printPlan(cmd *cobra.Command, p *handlers.Plan, file string) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "Plan for %s (%s), made %s with version %d of the settings. Records asked for: %d.\n\n", p.Name, p.Tenant, moment(p.MadeAt), p.Settings, len(p.Asked))
	for _, c := range p.Calls {
		fmt.Fprintf(w, "%4d  %-6s %s\n      %s, for %s\n", c.Number, c.Method, c.Path, c.Why, c.For)
		if c.Before != "" || c.After != "" {
			fmt.Fprintf(w, "      %s  ->  %s\n", dash(c.Before), dash(c.After))
		}
	}
	if len(p.Calls) == 0 {
		fmt.Fprintln(w, "Nothing would be sent to Cin7.")
	}
	var rows []table.Row
	for _, o := range p.Outcomes {
		rows = append(rows, table.Row{o.Record, o.Number, o.Party, o.State, o.Reason, o.Message})
	}
	if len(rows) > 0 {
		fmt.Fprintln(w, "\nWhere the records will stand:")
		_ = a.show(cmd, nil, table.Row{"Record", "Number", "Vendor", "State", "Reason", "Message"}, rows) // a table is written to w
	}
	for _, o := range p.Open {
		fmt.Fprintf(w, "\nThe plan of %s stops early: %s\n", o.Record, o.Why)
	}
	fmt.Fprintf(w, "\n%d calls. Hash %s\n", len(p.Calls), p.Hash)
	if len(p.Calls) > 0 {
		fmt.Fprintln(w, "Before the first one this deployment raises its flag in Cin7, unless it did so within 20 minutes: a deprecated supplier of its own.")
	}
	if file != "" {
		fmt.Fprintf(w, "Make them with: ml-connector apply %s\n", file)
	}
}

func dash(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func (a *app) applyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "apply FILE", Short: "Make exactly the calls of a plan, or refuse", Args: exactArgs(1),
		Long: `Makes the calls of a plan that ml-connector plan --out FILE wrote, in their
order and no others, under the tenant's lane and the write protocol. It plans
afresh first, and refuses before the first call when NetSuite, Cin7 or the
settings have moved since. Should Cin7 answer otherwise than foreseen, it stops
there and says how many calls were made: plan again.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("read the plan: %w: make one with ml-connector plan TENANT --out %s", err, args[0])
			}
			p, err := handlers.ReadPlan(b)
			if err != nil {
				return fmt.Errorf("%s: %w with ml-connector plan TENANT --out %s", args[0], err, args[0])
			}
			return a.withTenant(cmd, p.Tenant, func(conf service.Config, rooms service.Rooms, _ *tenant.Tenant) error {
				if len(p.Calls) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "the plan has no calls: nothing to do")
					return nil
				}
				if err := a.confirm(cmd, "Make %d calls to the Cin7 account of %s (%s)?", len(p.Calls), p.Tenant, strings.TrimSpace(p.Name)); err != nil {
					return err
				}
				var done handlers.Applied
				if err := a.changing(cmd, rooms, "plan apply", p.Tenant, map[string]string{"plan": p.Hash, "calls": fmt.Sprint(len(p.Calls))}, func(ctx context.Context) (err error) {
					done, err = service.Apply(ctx, conf, rooms, p, func(c handlers.Call) {
						fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d: %s for %s\n", c.Number, len(p.Calls), c.Operation, c.For)
					})
					audit.Of(ctx).Tell("made", fmt.Sprint(done.Made))
					return err
				}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d of %d calls were made\n", done.Made, done.Of)
				return nil
			})
		},
	}
}
