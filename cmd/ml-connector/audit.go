package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
)

// commandLine names who sits at the command line.
func commandLine() string {
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		who += "@" + host
	}
	return "command line " + who
}

// changing writes a change down, makes it, and writes down how it ended. What
// cannot be written down is not made.
func (a *app) changing(cmd *cobra.Command, rooms service.Rooms, action, tenantID string, detail map[string]string, do func(context.Context) error) error {
	change, err := rooms.Audit.Begin(cmd.Context(), audit.Entry{Actor: commandLine(), Action: action, Tenant: tenantID, Detail: detail})
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAudit, err)
	}
	err = do(audit.In(cmd.Context(), change))
	outcome := "done"
	switch {
	case err != nil && cmd.Context().Err() != nil:
		outcome = "stopped: " + err.Error()
	case err != nil:
		outcome = "failed: " + err.Error()
	}
	if eerr := change.End(cmd.Context(), outcome); eerr != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "how this ended could not be written to the audit log:", eerr)
	}
	return err
}

// ofRecord names a record in the audit log, as the API does.
func ofRecord(r queue.Ref) map[string]string { return map[string]string{"type": r.Type, "nsid": r.ID} }

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Who changed what", a.auditLs(), a.auditVerify())
}

func (a *app) auditLs() *cobra.Command {
	var limit int
	var before int64
	c := &cobra.Command{Use: "ls", Short: "List the changes, newest first", Args: exactArgs(0), RunE: func(cmd *cobra.Command, _ []string) error {
		_, rooms, closing, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		defer closing()
		entries, err := rooms.Audit.List(cmd.Context(), before, limit)
		if err != nil {
			return err
		}
		var rows []table.Row
		for _, e := range entries {
			var detail []string
			for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
				detail = append(detail, k+": "+e.Detail[k])
			}
			rows = append(rows, table.Row{e.Seq, moment(e.At), e.Actor, e.Action, e.Tenant, strings.Join(detail, "\n")})
		}
		return a.show(cmd, entries, table.Row{"Entry", "At", "Who", "What", "Tenant", "Detail"}, rows)
	}}
	c.Flags().IntVar(&limit, "limit", 50, "how many")
	c.Flags().Int64Var(&before, "before", 0, "entries before this number")
	return c
}

func (a *app) auditVerify() *cobra.Command {
	var head string
	c := &cobra.Command{
		Use: "verify", Short: "Check the chain of the audit log", Args: exactArgs(0),
		Long: `Checks that no entry was changed, taken out, put in or moved, and names the
first that was. Note the head that it prints: with --head it also proves that
nothing was cut off since. The service's own log has every entry's number and
hash as well.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			seq, hash := int64(0), ""
			if head != "" {
				var err error
				if seq, hash, err = audit.ParseHead(head); err != nil {
					return usageError{err}
				}
			}
			_, rooms, closing, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer closing()
			n, err := rooms.Audit.Verify(cmd.Context(), seq, hash)
			if err != nil {
				return err
			}
			last, sum, err := rooms.Audit.Head(cmd.Context())
			if err != nil {
				return err
			}
			if a.output == "json" {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"ok": true, "entries": n, "head": fmt.Sprintf("%d:%s", last, sum)})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d entries, all in order\nhead %d:%s\n", n, last, sum)
			return nil
		},
	}
	c.Flags().StringVar(&head, "head", "", "a head that was noted before, number:hash")
	return c
}
