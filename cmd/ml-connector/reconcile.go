package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) reconcileCommand() *cobra.Command {
	var from, to, format, out string
	var deep bool
	c := &cobra.Command{
		Use: "reconcile TENANT --from DATE --to DATE", Short: "Tie the books of both systems out", Args: exactArgs(1),
		Long: `Reads the bills, credits and receipts of NetSuite and the ledger and purchases
of Cin7 for a period, afresh, and names every difference. It writes to neither.

Cin7 is read by page, within the tenant's calls a minute: about one call for
1,000 ledger rows or purchases, and one for every purchase that differs.

Exit code 1 when a difference is unexplained or needs a person.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.output == "json" && !cmd.Flags().Changed("format") {
				format = "json"
			}
			if !slices.Contains(reconcile.Formats(), format) {
				return usageError{fmt.Errorf("--format %q: want one of %s", format, strings.Join(reconcile.Formats(), ", "))}
			}
			if err := reconcile.CheckPeriod(cin7.Date(from), cin7.Date(to), time.Now()); err != nil {
				return usageError{err}
			}
			return a.withTenant(cmd, args[0], func(c service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				say := func(string, ...any) {}
				if f, ok := cmd.ErrOrStderr().(*os.File); ok && (term.IsTerminal(int(f.Fd())) || format == "table") {
					say = func(form string, args ...any) { fmt.Fprintf(f, form+"\n", args...) }
				}
				report, err := service.Reconcile(cmd.Context(), c, rooms, t, service.Period{From: cin7.Date(from), To: cin7.Date(to), Deep: deep}, say)
				if err != nil {
					return err
				}
				if err := writeTo(cmd.Context(), cmd.OutOrStdout(), out, func(w io.Writer) error { return report.Write(w, format) }); err != nil {
					return err
				}
				if !report.OK {
					return errors.New(report.Verdict())
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&from, "from", "", "first day, YYYY-MM-DD")
	c.Flags().StringVar(&to, "to", "", "last day, YYYY-MM-DD")
	c.Flags().StringVar(&format, "format", "table", strings.Join(reconcile.Formats(), ", "))
	c.Flags().StringVar(&out, "out", "", "write to this file instead of the terminal")
	c.Flags().BoolVar(&deep, "deep", false, "read every purchase of the period, one call each")
	return c
}

// writeTo writes to a file, or to w when there is no name.
func writeTo(_ context.Context, w io.Writer, file string, write func(io.Writer) error) error {
	if file == "" {
		return write(w)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("open %s: %w", file, err)
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w", file, err)
	}
	return f.Close()
}
