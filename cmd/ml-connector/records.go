package main

import (
	"context"
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/steer"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) recordsCommand() *cobra.Command {
	return group("records", "Where each record stands", a.recordsLs(), a.recordsShow(), a.recordsSync(), a.recordsSkip(), a.recordsRetry())
}

func (a *app) recordsLs() *cobra.Command {
	var f state.Filter
	var st string
	c := &cobra.Command{Use: "ls TENANT", Short: "List records, newest change first", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		if f.State = queue.State(st); st != "" && !slices.Contains(queue.States[:], f.State) {
			return usageError{fmt.Errorf("--state %q: want one of %v", st, queue.States)}
		}
		if f.Type != "" {
			if err := recordType(f.Type); err != nil {
				return err
			}
		}
		if f.Limit < 1 || f.Limit > 1000 {
			return usageError{fmt.Errorf("--limit %d: want 1 to 1000; --cursor goes on after a page", f.Limit)}
		}
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			page, err := rooms.States.Tenant(t.ID).List(cmd.Context(), f)
			if err != nil {
				return err
			}
			views := []any{}
			var rows []table.Row
			for _, r := range page.Records {
				views = append(views, api.ViewRecord(r, nil))
				rows = append(rows, table.Row{r.Type, r.ID, r.Facts[state.FactNumber], r.Facts[state.FactParty], r.State, r.Facts[state.FactStage], r.Facts[state.FactCin7Number], r.Reason, moment(r.UpdatedAt)})
			}
			if err := a.show(cmd, map[string]any{"records": views, "next_cursor": page.Next},
				table.Row{"Type", "Id", "Number", "Vendor", "State", "Stage", "Cin7", "Reason", "Updated"}, rows); err != nil {
				return err
			}
			if page.Next != "" && a.output == "table" {
				fmt.Fprintf(cmd.ErrOrStderr(), "more: --cursor %s\n", page.Next)
			}
			return nil
		})
	}}
	c.Flags().StringVar(&st, "state", "", "pending, running, completed, waiting, parked or skipped")
	c.Flags().StringVar(&f.Type, "type", "", "vendor, purchaseorder, itemreceipt, vendorbill or vendorcredit")
	c.Flags().StringVar(&f.Reason, "reason", "", "park reason")
	c.Flags().StringVar(&f.Query, "query", "", "text in id, number, vendor or Cin7 number")
	c.Flags().StringVar(&f.Cursor, "cursor", "", "go on after the page before")
	c.Flags().IntVar(&f.Limit, "limit", 100, "records a page, at most 1000")
	return c
}

func recordType(s string) error {
	if !slices.Contains([]string{"vendor", "purchaseorder", "itemreceipt", "vendorbill", "vendorcredit"}, s) {
		return usageError{fmt.Errorf("type %q: want vendor, purchaseorder, itemreceipt, vendorbill or vendorcredit", s)}
	}
	return nil
}

// recordArgs reads TYPE NSID.
func recordArgs(args []string) (queue.Ref, error) {
	r := queue.Ref{Type: args[1], ID: args[2]}
	if err := recordType(r.Type); err != nil {
		return r, err
	}
	if _, err := netsuite.ParseID(r.ID); err != nil {
		return r, usageError{err}
	}
	return r, nil
}

// standing is how a record stands in one line, without what it does not have.
func standing(r state.Record) string {
	line := string(r.State)
	if r.Reason != "" {
		line += " " + r.Reason
	}
	for _, f := range [...]struct{ name, fact string }{{"Cin7", state.FactCin7Number}, {"stage", state.FactStage}, {"accounts", state.FactAccounts}} {
		if v := r.Facts[f.fact]; v != "" {
			line += "  " + f.name + " " + v
		}
	}
	return line
}

func (a *app) recordsShow() *cobra.Command {
	return &cobra.Command{Use: "show TENANT TYPE NSID", Short: "Show one record and its story", Args: exactArgs(3), RunE: func(cmd *cobra.Command, args []string) error {
		ref, err := recordArgs(args)
		if err != nil {
			return err
		}
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			recs, err := rooms.States.Tenant(t.ID).Get(cmd.Context(), ref)
			if err != nil {
				return err
			}
			r := recs[0]
			if r.State == "" {
				return fmt.Errorf("nothing is known of %s %s: ml-connector records sync %s %s %s takes it up", ref.Type, ref.ID, t.ID, ref.Type, ref.ID)
			}
			timeline, err := rooms.States.Tenant(t.ID).Timeline(cmd.Context(), ref)
			if err != nil {
				return err
			}
			if a.output == "json" {
				return writeJSON(cmd.OutOrStdout(), api.ViewRecord(r, timeline))
			}
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "%s %s  %s  %s  %s\n", r.Type, r.ID, r.Facts[state.FactNumber], r.Facts[state.FactParty], r.Facts[state.FactTotal])
			fmt.Fprintln(w, standing(r))
			if v := r.Facts[state.FactSettings]; v != "" {
				fmt.Fprintf(w, "posted under version %s of the settings\n", v)
			}
			for _, line := range []string{r.Message, r.Fix} {
				if line != "" {
					fmt.Fprintln(w, line)
				}
			}
			if !r.NextAt.IsZero() {
				fmt.Fprintln(w, "tried again at", moment(r.NextAt))
			}
			fmt.Fprintln(w)
			for _, s := range timeline {
				fmt.Fprintf(w, "%s  %-9s %s\n", moment(s.At), s.Name, s.Text)
			}
			return nil
		})
	}}
}

// desk carries out what is asked for at this command line.
func desk(conf service.Config, rooms service.Rooms) *steer.Desk {
	return &steer.Desk{Queue: rooms.Queue, States: rooms.States, Tenants: rooms.Tenants, Audit: rooms.Audit,
		Shows: func(ctx context.Context, t *tenant.Tenant, k queue.Ref) (bool, error) {
			return service.Shows(ctx, conf, rooms, t, k)
		}}
}

func (a *app) recordsSync() *cobra.Command {
	return &cobra.Command{Use: "sync TENANT TYPE NSID", Short: "Take up one record now; one that was never seen is asked for in NetSuite first", Args: exactArgs(3), RunE: func(cmd *cobra.Command, args []string) error {
		ref, err := recordArgs(args)
		if err != nil {
			return err
		}
		return a.withTenant(cmd, args[0], func(conf service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			if err := a.changing(cmd, rooms, "records sync", t.ID, ofRecord(ref), func(ctx context.Context) error {
				return desk(conf, rooms).Sync(ctx, t, ref, "asked for by "+commandLine())
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s is marked\n", ref.Type, ref.ID)
			return nil
		})
	}}
}

func (a *app) recordsSkip() *cobra.Command {
	s := state.Skip{By: personName()}
	c := &cobra.Command{Use: "skip TENANT TYPE NSID --reason TEXT --until DATE", Short: "Leave a record out on purpose; it stays on the reconciliation until then",
		Long: "Leaves a record out on purpose: nothing is made for it in Cin7, and what is there for it stays as it is.\nIt stays on the reconciliation, and is taken up again on the day after --until. `records sync` ends it earlier.",
		Args: exactArgs(3), RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := recordArgs(args)
			if err != nil {
				return err
			}
			if err := s.Check(time.Now()); err != nil {
				return usageError{err}
			}
			return a.withTenant(cmd, args[0], func(conf service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				detail := ofRecord(ref)
				detail["reason"], detail["until"], detail["by"] = s.Why, s.Until, s.By
				if err := a.changing(cmd, rooms, "records skip", t.ID, detail, func(ctx context.Context) error {
					return desk(conf, rooms).Skip(ctx, t, ref, s)
				}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s is left out until %s; it stays on the reconciliation\n", ref.Type, ref.ID, s.Until)
				return nil
			})
		}}
	c.Flags().StringVar(&s.Why, "reason", "", "why it is left out, for whoever reads the reconciliation")
	c.Flags().StringVar(&s.Until, "until", "", "the last day on which it is left out, YYYY-MM-DD")
	c.Flags().StringVar(&s.By, "by", s.By, "who decided it")
	return c
}

// personName is who sits at this terminal, as far as the machine knows.
func personName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "an operator"
}

func (a *app) recordsRetry() *cobra.Command {
	f := state.Filter{}
	st := string(queue.Parked)
	c := &cobra.Command{Use: "retry TENANT", Short: "Take up again what is parked, or in another state", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		if f.State = queue.State(st); !slices.Contains(queue.States[2:], f.State) {
			return usageError{fmt.Errorf("--state %q: want parked, waiting, skipped or completed", st)}
		}
		return a.withTenant(cmd, args[0], func(conf service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			n, err := desk(conf, rooms).Retry(cmd.Context(), t, f, "", true)
			if err != nil {
				return err
			}
			if n == 0 {
				return nothingToRetry(cmd, rooms.States.Tenant(t.ID), f)
			}
			if err := a.confirm(cmd, "Take up %d %s records again?", n, f.State); err != nil {
				return err
			}
			if err := a.changing(cmd, rooms, "records retry", t.ID, map[string]string{"state": st, "reason": f.Reason}, func(ctx context.Context) error {
				n, err = desk(conf, rooms).Retry(ctx, t, f, "asked for by "+commandLine(), false)
				audit.Of(ctx).Tell("marked", strconv.Itoa(n))
				return err
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "records marked: %d\n", n)
			return nil
		})
	}}
	c.Flags().StringVar(&st, "state", st, "parked, waiting, skipped or completed")
	c.Flags().StringVar(&f.Reason, "reason", "", "only those with this reason")
	return c
}

// nothingToRetry tells a reason that no record has from one that is misspelt.
func nothingToRetry(cmd *cobra.Command, recs *state.Records, f state.Filter) error {
	w := cmd.OutOrStdout()
	if f.Reason == "" {
		fmt.Fprintf(w, "no record is %s: nothing was marked\n", f.State)
		return nil
	}
	fmt.Fprintf(w, "no record is %s with the reason %q: nothing was marked\n", f.State, f.Reason)
	if f.State != queue.Parked {
		return nil
	}
	parked, err := recs.Reasons(cmd.Context())
	if err != nil {
		return err
	}
	for _, reason := range slices.Sorted(maps.Keys(parked)) {
		fmt.Fprintf(w, "parked with %s: %d\n", reason, parked[reason])
	}
	return nil
}

// sayPaused tells somebody who asks for work of a paused tenant when it is done.
func sayPaused(cmd *cobra.Command, t *tenant.Tenant) {
	if t.Paused != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "tenant %s is paused (%s): nothing is read or written until ml-connector tenant resume %s\n", t.ID, t.Paused, t.ID)
	}
}

func (a *app) pollCommand() *cobra.Command {
	return &cobra.Command{Use: "poll TENANT", Short: "Poll NetSuite now", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			if err := a.changing(cmd, rooms, "poll", t.ID, nil, func(ctx context.Context) error {
				if err := rooms.States.Tenant(t.ID).RequestPoll(ctx); err != nil {
					return err
				}
				return rooms.Queue.Wake(ctx, t.ID, time.Time{})
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "a poll of %s is asked for; the next turn of its lane does it\n", t.ID)
			sayPaused(cmd, t)
			return nil
		})
	}}
}
