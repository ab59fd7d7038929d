package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/internal/plain"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) tenantCommand() *cobra.Command {
	return group("tenant", "The customer companies",
		a.tenantApply(), a.tenantLs(), a.tenantShow(), a.tenantRm(), a.tenantPing(), a.tenantPause(), a.tenantResume(), a.tenantRotateSecret(), a.tenantRebind())
}

func (a *app) tenantApply() *cobra.Command {
	var file string
	var noPing bool
	c := &cobra.Command{
		Use: "apply -f FILE", Short: "Create or change a tenant from a YAML file, or all of a directory", Args: exactArgs(0),
		Long: `Checks the file, tries both credentials with one cheap call each (--no-ping
leaves that out), and stores the tenant in one step, credentials sealed. Files
named in it are found beside it. ${NAME} takes a value from the environment.
Credentials left out keep the stored ones. The rest of the file replaces what
is in force: entries of the mapping that were made in the console and webhook
secrets of rotate-secret that the file lacks are named before they go, and a
terminal is asked unless --yes is given.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("name the tenant file with -f")}
			}
			files, err := tenantFiles(file)
			if err != nil {
				return err
			}
			conf, rooms, closing, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer closing()
			var errs []error
			for _, f := range files {
				errs = append(errs, a.applyTenant(cmd, conf, rooms, f, noPing))
			}
			return errors.Join(errs...)
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "tenant file, or a directory of them")
	c.Flags().BoolVar(&noPing, "no-ping", false, "do not try the credentials")
	return c
}

// tenantFiles are the file itself or, of a directory, its YAML files in order
// of their names.
func tenantFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the tenant file: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	files, err := filepath.Glob(filepath.Join(path, "*.y*ml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("directory %s has no .yaml file: put one tenant in each (%w)", path, errors.Join(err, fs.ErrNotExist))
	}
	return files, nil
}

// applyTenant applies one tenant file.
func (a *app) applyTenant(cmd *cobra.Command, conf service.Config, rooms service.Rooms, file string, noPing bool) error {
	ctx := cmd.Context()
	data, err := readBounded(file)
	if err != nil {
		return fmt.Errorf("read the tenant file: %w", err)
	}
	t, creds, err := tenant.ParseYAML(data, tenant.Options{AllowPrivateEndpoints: conf.AllowPrivateEndpoints, Getenv: os.Getenv, ReadFile: beside(file)})
	if err != nil {
		return fmt.Errorf("%s:\n%w", file, err)
	}
	old, in, err := rooms.Tenants.InForce(ctx, t.ID)
	if err != nil && !errors.Is(err, tenant.ErrNotFound) {
		return err
	}
	full := creds
	if old != nil {
		full = creds.Or(in)
	}
	if err := full.Complete(t); err != nil {
		return err
	}
	if !noPing {
		if err := a.checklist(cmd, service.Ping(ctx, rooms.Tenants, t, full, service.Transports(conf))); err != nil {
			return fmt.Errorf("tenant %s was not applied: %w; --no-ping applies without trying", t.ID, err)
		}
	}
	version := int64(0)
	if old != nil {
		version = old.Version
	}
	losses, err := rooms.Tenants.Losses(ctx, old, t, creds)
	if err != nil {
		return err
	}
	if err := a.warn(cmd, file, t.ID, losses); err != nil {
		return err
	}
	var stored *tenant.Tenant
	if err := a.changing(cmd, rooms, "tenant apply", t.ID, map[string]string{"changed": tenant.Changes(old, t, creds), "replaced": strings.Join(losses, "; ")}, func(ctx context.Context) error {
		// In place of what was looked at: nothing else is replaced than was said.
		stored, err = rooms.Tenants.Replace(tenant.By(ctx, commandLine()), t, version, creds)
		return err
	}); err != nil {
		return err
	}
	if err := rooms.Queue.Wake(ctx, t.ID, time.Time{}); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "tenant %s applied, version %d\n", stored.ID, stored.Version)
	for _, l := range losses {
		fmt.Fprintln(cmd.OutOrStdout(), "replaced:", l)
	}
	if old == nil || tenant.MappingEqual(old.Sync.Mapping, stored.Sync.Mapping) {
		return nil
	}
	n, err := rooms.States.Tenant(t.ID).Release(ctx, rooms.Queue, "the mapping was changed", state.MappingReasons[:]...)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "the mapping was changed: %d parked records are tried again\n", n)
	return nil
}

// warn says what a file would end, before it does, and asks where there is a
// terminal: a script that applies its files goes on as before.
func (a *app) warn(cmd *cobra.Command, file, tenantID string, losses []string) error {
	if len(losses) == 0 {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Warning: what is in force for tenant %s and not in %s would be replaced:\n", tenantID, file)
	for _, l := range losses {
		fmt.Fprintln(plain.Text(cmd.ErrOrStderr()), "  "+l)
	}
	if a.yes || !canAsk(cmd) {
		return nil
	}
	return a.confirm(cmd, "Apply %s all the same?", file)
}

// beside reads files relative to another.
func beside(file string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		return readBounded(name)
	}
}

// maxFile is far more than a tenant file, a key or a certificate takes. Tenant
// files come from customers, and name other files.
const maxFile = 1 << 20

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s has more than %d KB: that is no file for a tenant", name, maxFile>>10)
	}
	return b, nil
}

// checklist prints checks and fails when one of them does.
func (a *app) checklist(cmd *cobra.Command, checks []api.Check) error {
	var rows []table.Row
	failed := 0
	for _, c := range checks {
		mark := "ok"
		switch {
		case c.Failed():
			mark = "FAILED"
			failed++
		case c.Unknown:
			mark = "?"
		}
		detail := c.Detail
		if c.Fix != "" {
			detail += "\nFix: " + c.Fix
		}
		rows = append(rows, table.Row{mark, c.Name, detail})
	}
	if err := a.show(cmd, checks, table.Row{"", "Check", "Result"}, rows); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(checks))
	}
	return nil
}

func (a *app) tenantLs() *cobra.Command {
	return &cobra.Command{Use: "ls", Short: "List the tenants", Args: exactArgs(0), RunE: func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		_, rooms, closing, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer closing()
		all, err := rooms.Tenants.List(ctx)
		if err != nil {
			return err
		}
		type line struct {
			ID      string                `json:"id"`
			Name    string                `json:"name"`
			Version int64                 `json:"version"`
			Applied time.Time             `json:"applied_at"`
			Paused  string                `json:"paused,omitempty"`
			Records map[queue.State]int64 `json:"records"`
		}
		lines := []line{}
		var rows []table.Row
		for _, t := range all {
			n, err := rooms.States.Tenant(t.ID).Counts(ctx)
			if err != nil {
				return err
			}
			lines = append(lines, line{t.ID, t.Name, t.Version, t.AppliedAt, t.Paused, n})
			rows = append(rows, table.Row{t.ID, t.Name, t.Version, n[queue.Completed], n[queue.Pending] + n[queue.Running], n[queue.Waiting], n[queue.Parked], n[queue.Skipped], t.Paused})
		}
		return a.show(cmd, lines, table.Row{"Tenant", "Name", "Version", "Completed", "Under way", "Waiting", "Parked", "Skipped", "Paused"}, rows)
	}}
}

// withTenant opens everything and reads the tenant that the first argument
// names.
func (a *app) withTenant(cmd *cobra.Command, id string, f func(service.Config, service.Rooms, *tenant.Tenant) error) error {
	conf, rooms, closing, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer closing()
	t, err := rooms.Tenants.Get(cmd.Context(), id)
	if errors.Is(err, tenant.ErrNotFound) {
		return fmt.Errorf("there is no tenant %q: see ml-connector tenant ls", id)
	}
	if err != nil && (!errors.Is(err, tenant.ErrDamaged) || cmd.Name() != "rm") { // what cannot be read can be removed
		return err
	}
	return f(conf, rooms, t)
}

func (a *app) tenantShow() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a tenant; secrets only by their fingerprint", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			prints, err := rooms.Tenants.Fingerprints(cmd.Context(), t)
			if err != nil {
				return err
			}
			lane, err := rooms.Queue.Lane(cmd.Context(), t.ID)
			if err != nil {
				return err
			}
			wm, err := rooms.States.Tenant(t.ID).Watermarks(cmd.Context())
			if err != nil {
				return err
			}
			uses, err := rooms.Tenants.WebhookUses(cmd.Context(), t.ID)
			if err != nil {
				return err
			}
			bound, err := rooms.Tenants.Bound(cmd.Context(), t.ID)
			if err != nil {
				return err
			}
			if a.output == "json" {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"bound_to": bound, "webhook_uses": uses, "id": t.ID, "version": t.Version, "applied_at": t.AppliedAt, "paused": t.Paused, "held": wm[state.Held], "document": t.Document, "fingerprints": prints})
			}
			rows := []table.Row{
				{"id", t.ID}, {"name", t.Name}, {"version", fmt.Sprintf("%d, applied %s", t.Version, moment(t.AppliedAt))}, {"paused", t.Paused},
				{"held back", wm[state.Held]},
				{"NetSuite", fmt.Sprintf("%s %s, client %s, certificate %s", t.NetSuite.AccountID, t.NetSuite.BaseURL, t.NetSuite.ClientID, t.NetSuite.CertificateID)},
				{"Cin7", fmt.Sprintf("%s %s, %d calls a minute, put-away %v", t.Cin7.AccountID, t.Cin7.BaseURL, t.Cin7.CallsPerMinute, t.PutAway())},
				{"webhook", fmt.Sprintf("require %s, %d networks", t.Webhook.Require, len(t.Webhook.Allowlist))},
				{"sync", fmt.Sprintf("%v from %s, approach %s, receive on %s", t.Sync.Types, t.Sync.Start, t.Sync.Approach, t.Sync.ReceiveOn)},
				{"lane", fmt.Sprintf("%d marks, %d retries, due %s, held by %q", lane.Depth[queue.Live]+lane.Depth[queue.Bulk], lane.Due, moment(lane.DueAt), lane.Owner)},
			}
			if bound != nil {
				rows = append(rows, table.Row{"bound to", bound.String() + ", since " + moment(bound.BoundAt)})
			}
			for _, k := range []string{"netsuite.private_key", "cin7.application_key", "webhook.secrets[0]", "webhook.secrets[1]"} {
				if prints[k] == "" {
					continue
				}
				used := ""
				if strings.HasPrefix(k, "webhook.") { // uses are counted at the door alone
					used = usedText(uses.Secrets, prints[k])
				}
				rows = append(rows, table.Row{k, "fingerprint " + prints[k] + used})
			}
			for _, u := range uses.Addresses[:min(len(uses.Addresses), shownAddresses)] {
				rows = append(rows, table.Row{"posts from", u.Name + usedText(uses.Addresses, u.Name)})
			}
			for _, u := range uses.Refused[:min(len(uses.Refused), shownAddresses)] {
				rows = append(rows, table.Row{"refused from", u.Name + usedText(uses.Refused, u.Name)})
			}
			return a.show(cmd, nil, table.Row{"Tenant", ""}, rows)
		})
	}}
}

// shownAddresses bounds what tenant show lists.
const shownAddresses = 10

// usedText tells how often and when something was used at the door.
func usedText(uses []tenant.Use, name string) string {
	for _, u := range uses {
		if u.Name == name {
			return fmt.Sprintf(", %d posts, the last %s", u.Count, moment(u.Last))
		}
	}
	return ", not used yet"
}

func (a *app) tenantRm() *cobra.Command {
	return &cobra.Command{Use: "rm ID", Short: "Remove a tenant and all that is kept of it", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			n, err := rooms.States.Tenant(t.ID).Counts(cmd.Context())
			if err != nil {
				return err
			}
			total := int64(0)
			for _, v := range n {
				total += v
			}
			if err := a.confirm(cmd, "Remove tenant %s (%s), its credentials and %d records? Cin7 and NetSuite keep theirs.", t.ID, t.Name, total); err != nil {
				return err
			}
			if err := a.changing(cmd, rooms, "tenant rm", t.ID, nil, func(ctx context.Context) error {
				if err := rooms.Tenants.Remove(ctx, t.ID); err != nil {
					return err
				}
				return rooms.Queue.Forget(ctx, t.ID)
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "tenant %s removed\n", t.ID)
			return nil
		})
	}}
}

func (a *app) tenantPing() *cobra.Command {
	return &cobra.Command{Use: "ping ID", Short: "Call both systems with the stored credentials", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(c service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			return a.checklist(cmd, service.PingTenant(cmd.Context(), rooms.Tenants, t, service.Transports(c)))
		})
	}}
}

func (a *app) tenantPause() *cobra.Command {
	var why string
	c := &cobra.Command{Use: "pause ID", Short: "Write nothing for a tenant; marks keep arriving", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			if err := a.changing(cmd, rooms, "tenant pause", t.ID, map[string]string{"reason": why}, func(ctx context.Context) error {
				if err := rooms.Tenants.SetPaused(ctx, t.ID, why); err != nil {
					return err
				}
				return rooms.Queue.Pause(ctx, t.ID, why)
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "tenant %s paused\n", t.ID)
			return nil
		})
	}}
	c.Flags().StringVar(&why, "reason", "paused by an operator", "shown to whoever looks")
	return c
}

func (a *app) tenantResume() *cobra.Command {
	return &cobra.Command{Use: "resume ID", Short: "Undo pause", Args: exactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
			if err := a.changing(cmd, rooms, "tenant resume", t.ID, nil, func(ctx context.Context) error {
				if err := rooms.Tenants.SetPaused(ctx, t.ID, ""); err != nil {
					return err
				}
				return rooms.Queue.Resume(ctx, t.ID)
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "tenant %s resumed\n", t.ID)
			return nil
		})
	}}
}

func (a *app) tenantRebind() *cobra.Command {
	return &cobra.Command{
		Use: "rebind ID", Short: "Let a tenant join other companies than before", Args: exactArgs(1),
		Long: `A tenant is bound to the NetSuite account and the Cin7 company that it first
met; credentials that lead elsewhere stop it before anything is written. This
forgets them: the tenant binds itself to those that it meets next. It also
takes the Cin7 company over from another deployment of ml-connector that wrote
to it before.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTenant(cmd, args[0], func(_ service.Config, rooms service.Rooms, t *tenant.Tenant) error {
				bound, err := rooms.Tenants.Bound(cmd.Context(), t.ID)
				if err != nil {
					return err
				}
				if bound == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "tenant %s is not bound yet\n", t.ID)
					return nil
				}
				if err := a.confirm(cmd, "Let tenant %s join other companies than %s?", t.ID, bound); err != nil {
					return err
				}
				if err := a.changing(cmd, rooms, "tenant rebind", t.ID, map[string]string{"was_bound_to": bound.String()}, func(ctx context.Context) error {
					if err := rooms.Tenants.Rebind(ctx, t.ID); err != nil {
						return err
					}
					return rooms.Queue.Wake(ctx, t.ID, time.Time{})
				}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "tenant %s binds itself to the companies that it meets next\n", t.ID)
				return nil
			})
		},
	}
}
