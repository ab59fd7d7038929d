package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

func (a *app) keysCommand() *cobra.Command {
	c := group("keys", "The keyset that seals credentials", a.keysInit(), a.keysLs(), a.keysRotate(), a.keysDrop())
	return c
}

// keysetFlag lets a verb name a keyset file other than the configured one.
func (a *app) keysetFlag(c *cobra.Command) func() (service.Config, error) {
	file := c.Flags().String("file", "", "keyset file, default MLC_KEYSET_FILE")
	return func() (service.Config, error) {
		conf, err := a.config()
		if err != nil {
			return conf, err
		}
		if *file != "" {
			conf.KeysetFile = *file
		}
		if conf.KeysetFile == "" {
			return conf, usageError{fmt.Errorf("no file: say --file keyset.json or set MLC_KEYSET_FILE")}
		}
		return conf, nil
	}
}

func (a *app) keysInit() *cobra.Command {
	c := &cobra.Command{
		Use: "init", Short: "Make a new keyset file", Args: exactArgs(0),
		Long: `Makes the keyset that seals stored credentials. Keep a copy where the
database's backups are not: without it they cannot be opened. With
MLC_KEYSET_KMS the file is encrypted with that key.`,
	}
	config := a.keysetFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := config()
		if err != nil {
			return err
		}
		k, err := secret.Init(conf.Keyset())
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "keyset %s made, key %d; keep a copy of it in a safe place\n", conf.KeysetFile, k.Primary())
		return nil
	}
	return c
}

func (a *app) keysLs() *cobra.Command {
	c := &cobra.Command{Use: "ls", Short: "List the keys, and what each has sealed when Redis can be asked", Args: exactArgs(0)}
	config := a.keysetFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := config()
		if err != nil {
			return err
		}
		k, err := secret.Load(conf.Keyset())
		if err != nil {
			return err
		}
		var uses map[uint32]*tenant.KeyUse
		if !conf.RedisURL.IsZero() {
			rooms, _, closing, err := service.Open(cmd.Context(), conf, service.Options{Keyset: k})
			if err != nil {
				return err
			}
			defer closing()
			if uses, err = rooms.Tenants.KeyUses(cmd.Context()); err != nil {
				return err
			}
		}
		type line struct {
			secret.KeyInfo
			Tenants *int `json:"tenants,omitempty"`
		}
		var lines []line
		var rows []table.Row
		for _, i := range k.Keys() {
			l, count := line{KeyInfo: i}, "not asked"
			if uses != nil {
				n := 0
				if u := uses[i.ID]; u != nil {
					n = len(u.Tenants)
				}
				l.Tenants, count = &n, strconv.Itoa(n)
			}
			lines = append(lines, l)
			rows = append(rows, table.Row{i.ID, i.Primary, i.Status, count})
		}
		return a.show(cmd, lines, table.Row{"Key", "Seals", "Status", "Tenants"}, rows)
	}
	return c
}

// openKeys opens everything with the keyset that a keys verb names.
func (a *app) openKeys(ctx context.Context, conf service.Config) (service.Rooms, func(), error) {
	rooms, _, closing, err := service.Open(ctx, conf, service.Options{})
	return rooms, closing, err
}

func (a *app) keysRotate() *cobra.Command {
	var add, reseal bool
	var promote uint32
	c := &cobra.Command{
		Use: "rotate", Short: "Make a new key, and seal everything anew with it", Args: exactArgs(0),
		Long: `Makes a new key, lets it seal, and seals every tenant anew while the service
runs. A run that was interrupted is finished by the next one. The old key stays
and opens what backups hold, until keys drop.

Services that read the same file learn of the new key by themselves. Where the
file is copied to several machines, rotate in steps, so that no service meets a
value that it cannot open yet:

  keys rotate --add            a key that does not seal yet; distribute the file
  keys rotate --promote KEY    now it seals; distribute the file
  keys rotate --reseal         seal everything anew`,
	}
	config := a.keysetFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := config()
		if err != nil {
			return err
		}
		rooms, closing, err := a.openKeys(cmd.Context(), conf)
		if err != nil {
			return err
		}
		defer closing()
		ctx, ks, out := cmd.Context(), rooms.Tenants.Keyset(), cmd.OutOrStdout()
		whole := !add && promote == 0 && !reseal
		if whole {
			left, err := unsealed(ctx, rooms.Tenants)
			if err != nil {
				return err
			}
			if left > 0 && len(ks.Keys()) > 1 {
				fmt.Fprintf(out, "%d tenants are not sealed with key %d yet: finishing that rotation, no new key is made\n", left, ks.Primary())
				whole, reseal = false, true
			}
		}
		if add || whole {
			if err := a.changing(cmd, rooms, "keys add", "", nil, func(ctx context.Context) error {
				promote, err = ks.Add()
				if err == nil {
					audit.Of(ctx).Tell("key", keyID(promote))
				}
				return err
			}); err != nil {
				return err
			}
			fmt.Fprintf(out, "key %d made in %s\n", promote, conf.KeysetFile)
			if add {
				return nil
			}
		}
		if promote != 0 {
			if err := a.changing(cmd, rooms, "keys promote", "", map[string]string{"key": keyID(promote)}, func(context.Context) error {
				return ks.Promote(promote)
			}); err != nil {
				return err
			}
			fmt.Fprintf(out, "key %d seals from now on\n", promote)
		}
		if !reseal && !whole {
			return nil
		}
		if err := a.reseal(cmd, rooms); err != nil {
			return fmt.Errorf("%w; nothing is lost: run keys rotate --reseal to go on", err)
		}
		fmt.Fprintf(out, "everything is sealed with key %d; keys ls shows which keys are no longer needed\n", ks.Primary())
		return nil
	}
	c.Flags().BoolVar(&add, "add", false, "only make a key that does not seal yet")
	c.Flags().Uint32Var(&promote, "promote", 0, "only let this key seal")
	c.Flags().BoolVar(&reseal, "reseal", false, "only seal everything anew with the key that seals")
	c.MarkFlagsMutuallyExclusive("add", "promote", "reseal")
	return c
}

// reseal seals everything anew and writes down how far it came.
func (a *app) reseal(cmd *cobra.Command, rooms service.Rooms) error {
	say, end := progress(cmd, "tenants sealed anew")
	defer end()
	return a.changing(cmd, rooms, "keys reseal", "", map[string]string{"key": keyID(rooms.Tenants.Keyset().Primary())}, func(ctx context.Context) error {
		sealed := "0"
		defer func() { audit.Of(ctx).Tell("sealed", sealed) }()
		return rooms.Tenants.Reseal(ctx, func(done, total int) {
			sealed = fmt.Sprintf("%d of %d tenants", done, total)
			say(done, total)
		})
	})
}

func keyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// unsealed counts the tenants that are sealed with another key than the one
// that seals now.
func unsealed(ctx context.Context, s *tenant.Store) (int, error) {
	uses, err := s.KeyUses(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for id, u := range uses {
		if id != s.Keyset().Primary() {
			n += len(u.Tenants)
		}
	}
	return n, nil
}

// progressEvery is how often a line tells of long work where there is no
// terminal.
const progressEvery = 3 * time.Second

// progress tells of long work: a line that is overwritten on a terminal, a
// plain line every few seconds elsewhere.
func progress(cmd *cobra.Command, what string) (say func(done, total int), end func()) {
	w := cmd.ErrOrStderr()
	f, ok := w.(interface{ Fd() uintptr })
	terminal := ok && term.IsTerminal(int(f.Fd()))
	last := time.Now()
	drawn := false
	return func(done, total int) {
			if terminal {
				const width = 30
				fill := width * done / max(total, 1)
				fmt.Fprintf(w, "\r[%-*s] %d of %d %s", width, bar[:fill], done, total, what)
				drawn = true
				return
			}
			if time.Since(last) >= progressEvery {
				last = time.Now()
				fmt.Fprintf(w, "%d of %d %s\n", done, total, what)
			}
		}, func() {
			if drawn {
				fmt.Fprintln(w)
			}
		}
}

const bar = "=============================="

func (a *app) keysDrop() *cobra.Command {
	c := &cobra.Command{
		Use: "drop KEY", Short: "Delete a key with which nothing is sealed any more", Args: exactArgs(1),
		Long: `Deletes a key from the keyset file. It refuses while anything in Redis is
sealed with the key. Backups that were made while it sealed cannot be opened
without it: keep a copy of the old file for as long as you keep them.`,
	}
	config := a.keysetFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := strconv.ParseUint(args[0], 10, 32)
		if err != nil {
			return usageError{fmt.Errorf("%q is not a key id: see ml-connector keys ls", args[0])}
		}
		key := uint32(id)
		conf, err := config()
		if err != nil {
			return err
		}
		rooms, closing, err := a.openKeys(cmd.Context(), conf)
		if err != nil {
			return err
		}
		defer closing()
		if err := rooms.Tenants.MayDropKey(cmd.Context(), key); err != nil {
			return err
		}
		if err := a.confirm(cmd, "Delete key %d? Backups that were sealed with it could no longer be opened.", key); err != nil {
			return err
		}
		if err := a.changing(cmd, rooms, "keys drop", "", map[string]string{"key": args[0]}, func(ctx context.Context) error {
			return rooms.Tenants.DropKey(ctx, key)
		}); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "key %d dropped\n", id)
		return nil
	}
	return c
}

var errNoAudit = errors.New("the change could not be written to the audit log, so it was not made")
