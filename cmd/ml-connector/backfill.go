package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) backfillCommand() *cobra.Command {
	return group("backfill", "Read NetSuite's history, behind what happens today",
		a.backfillStart(), a.backfillStatus(),
		a.backfillSteer("pause", "Stop reading on; at most 200 records are still worked off"),
		a.backfillSteer("resume", "Go on where it was paused"),
		a.backfillSteer("cancel", "End it; at most 200 records are still worked off"))
}

func (a *app) backfillStart() *cobra.Command {
	var in poller.BackfillRequest
	var since, types string
	var dry, wait bool
	c := &cobra.Command{Use: "start TENANT", Short: "Count, say what it costs, and start", Args: exactArgs(1),
		Long: `Counts the records in NetSuite by two statements, says how many calls to
NetSuite and Cin7 a backfill takes and when it will have ended, and starts it. It
goes behind all live records and takes only what they leave of the calls a
minute. What is in step already costs reads and no call to Cin7.

Started before the worker has polled the tenant for the first time, it takes the
place of the first look at everything.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			// Empty is what a script sends whose variable is not set: not everything.
			for name, value := range map[string]string{"since": since, "types": types} {
				if cmd.Flags().Changed(name) && strings.TrimSpace(value) == "" {
					return usageError{fmt.Errorf("--%s is empty: leave it out to read everything", name)}
				}
			}
			in.Since = netsuite.Date(since)
			for typ := range strings.SplitSeq(types, ",") {
				if typ = strings.TrimSpace(typ); types != "" && !slices.Contains(in.Types, typ) {
					in.Types = append(in.Types, typ)
				}
			}
			return a.withTenant(cmd, args[0], func(c service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				b, err := service.StartBackfill(cmd.Context(), c, rooms, t, in, true)
				var asked *poller.RequestError
				if errors.As(err, &asked) {
					return usageError{err}
				}
				if err != nil {
					return err
				}
				f := b.Forecast
				fmt.Fprintf(cmd.ErrOrStderr(), "%d records in NetSuite, %d of them not in step: about %d calls to NetSuite, %d calls to Cin7 at %d a minute, %.1f minutes, until %s\n",
					b.Total, f.Records, f.NetSuiteCalls, f.Cin7Calls, f.CallsPerMinute, f.Minutes, moment(f.EndsAt))
				if dry {
					return a.showBackfill(cmd, b)
				}
				if err := a.confirm(cmd, "Start it?"); err != nil {
					return err
				}
				if err := a.changing(cmd, rooms, "backfill start", t.ID, map[string]string{"since": since, "types": types, "calls_per_minute": strconv.Itoa(in.CallsPerMinute)}, func(ctx context.Context) error {
					b, err = service.StartBackfill(ctx, c, rooms, t, in, false)
					return err
				}); err != nil {
					return err
				}
				sayPaused(cmd, t)
				if wait {
					return a.watchBackfill(cmd, rooms, t)
				}
				return a.showBackfill(cmd, b)
			})
		}}
	c.Flags().StringVar(&since, "since", "", "only documents dated then or later, YYYY-MM-DD; vendors have no date")
	c.Flags().StringVar(&types, "types", "", "comma list of record types; default all of sync.types")
	c.Flags().IntVar(&in.CallsPerMinute, "calls-per-minute", 0, "calls to Cin7 it may take; 0: all that live records leave")
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what it would cost")
	c.Flags().BoolVar(&wait, "wait", false, "stay and show the progress")
	return c
}

func (a *app) backfillStatus() *cobra.Command {
	var watch bool
	c := &cobra.Command{Use: "status TENANT", Short: "How far it has come", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			sayPaused(cmd, t)
			if watch {
				return a.watchBackfill(cmd, rooms, t)
			}
			b, err := poller.BackfillOf(cmd.Context(), t, rooms.States.Tenant(t.ID), rooms.Queue, time.Now())
			if err != nil {
				return err
			}
			return a.showBackfill(cmd, b)
		})
	}}
	c.Flags().BoolVar(&watch, "watch", false, "stay and show the progress")
	return c
}

func (a *app) backfillSteer(verb, short string) *cobra.Command {
	return &cobra.Command{Use: verb + " TENANT", Short: short, Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			var b poller.Backfill
			if err := a.changing(cmd, rooms, "backfill "+verb, t.ID, nil, func(ctx context.Context) (err error) {
				b, err = poller.SteerBackfill(ctx, t, rooms.States.Tenant(t.ID), rooms.Queue, verb, time.Now())
				return err
			}); err != nil {
				return err
			}
			return a.showBackfill(cmd, b)
		})
	}}
}

func (a *app) showBackfill(cmd *cobra.Command, b poller.Backfill) error {
	rows := []table.Row{{"state", b.State}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, table.Row{name, value})
		}
	}
	if b.StartedAt != nil {
		add("started", moment(*b.StartedAt))
	}
	if b.FinishedAt != nil {
		add("finished", moment(*b.FinishedAt))
	}
	add("since", string(b.Since))
	add("types", strings.Join(b.Types, ", "))
	if b.Total > 0 && b.State != poller.BackfillNone { // a forecast alone has done nothing
		add("done", fmt.Sprintf("%.0f %%: %d of %d read, %d marked, %d of them waiting", 100*b.Share(), b.Read, b.Total, b.Marked, b.Waiting))
	}
	if f := b.Forecast; f != nil {
		add("forecast", fmt.Sprintf("%d calls to NetSuite, %d calls to Cin7 at %d a minute, %.1f minutes, until %s", f.NetSuiteCalls, f.Cin7Calls, f.CallsPerMinute, f.Minutes, moment(f.EndsAt)))
	}
	if b.EndsAt != nil {
		add("ends, at the pace so far", moment(*b.EndsAt))
	}
	add("error", b.Error)
	return a.show(cmd, b, table.Row{"Backfill", ""}, rows)
}

// watchBackfill shows the progress until it has ended or is not going on: a
// bar on a terminal, else a line every few seconds.
func (a *app) watchBackfill(cmd *cobra.Command, rooms service.Rooms, t *tenant.Tenant) error {
	bar := progressBar{w: cmd.ErrOrStderr()}
	if f, ok := bar.w.(*os.File); ok {
		bar.terminal = term.IsTerminal(int(f.Fd()))
	}
	every := 5 * time.Second
	if bar.terminal {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		b, err := poller.BackfillOf(cmd.Context(), t, rooms.States.Tenant(t.ID), rooms.Queue, time.Now())
		if err != nil {
			return err
		}
		ends := ""
		if b.EndsAt != nil {
			ends = ", until " + moment(*b.EndsAt)
		}
		bar.show(b.Share(), fmt.Sprintf("%d of %d records%s", b.Read-b.Waiting, b.Total, ends))
		if b.State != poller.BackfillRunning {
			bar.end()
			return a.showBackfill(cmd, b)
		}
		select {
		case <-cmd.Context().Done():
			bar.end()
			return errors.New("no longer watching; the backfill goes on")
		case <-tick.C:
		}
	}
}

// progressBar shows how much of a long work is done.
type progressBar struct {
	w        io.Writer
	terminal bool
}

const barWidth = 30

func (p progressBar) show(share float64, text string) {
	line := fmt.Sprintf("%3.0f %%  %s", 100*share, text)
	if !p.terminal {
		fmt.Fprintln(p.w, line)
		return
	}
	full := int(share * barWidth)
	fmt.Fprintf(p.w, "\r[%s%s] %s\x1b[K", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), line)
}

func (p progressBar) end() {
	if p.terminal {
		fmt.Fprintln(p.w)
	}
}
