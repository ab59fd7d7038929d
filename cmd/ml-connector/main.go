// Command ml-connector keeps NetSuite and Cin7 Core in step: `serve` runs the
// service, the other verbs are the operator's.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/internal/plain"
	"github.com/ml-connector/ml-connector/service"
)

// Exit codes: 0 ok, 1 failed, 2 wrong usage, 130 interrupted.
func main() { os.Exit(start()) }

func start() int {
	service.Harden()
	redis.SetLogger(silent{}) // what fails is told once, by the error; serve has a logger of its own
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	return run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
}

// silent keeps the client's own lines about each attempt to connect from the
// operator's terminal.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// usageError is a mistake in the command line.
type usageError struct{ error }

// run executes one command line and returns the exit code.
func run(ctx context.Context, args, environ []string, out, errs io.Writer) int {
	a := &app{environ: environ, out: out}
	root := a.root()
	root.SetArgs(args)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"): // cobra has no type for it
		fmt.Fprintln(plain.Text(errs), "Error:", err)
		return 2
	}
	fmt.Fprintln(plain.Text(errs), "Error:", err)
	return 1
}

// app is what the verbs share.
type app struct {
	environ []string
	out     io.Writer
	file    string // --config
	output  string // --output
	yes     bool   // --yes
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "ml-connector", Short: "Keeps Oracle NetSuite and Cin7 Core in step",
		Long: `ml-connector keeps Oracle NetSuite and Cin7 Core in step: vendors, purchase
orders, receipts and bills travel from NetSuite to Cin7 by themselves.

Settings come from MLC_ variables or a YAML file (--config); see: ml-connector config show
To look around without any set-up: go run ./cmd/demo`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.output != "table" && a.output != "json" {
				return usageError{fmt.Errorf("--output %q: want table or json", a.output)}
			}
			// Names and notes come from both systems: none may steer the terminal.
			if a.output == "json" {
				cmd.Root().SetOut(plain.JSON(a.out))
			} else {
				cmd.Root().SetOut(plain.Text(a.out))
			}
			return nil
		},
	}
	root.PersistentFlags().StringVar(&a.file, "config", "", "YAML file with settings; MLC_ variables win over it")
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "table", "table or json")
	root.PersistentFlags().BoolVar(&a.yes, "yes", false, "do not ask before changing things")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(a.serveCommand(), a.keysCommand(), a.tenantCommand(), a.auditCommand(), a.doctorCommand(), a.netsuiteCommand(), a.recordsCommand(), a.pollCommand(), a.coverageCommand(), a.backfillCommand(), a.reconcileCommand(), a.accountsCommand(), a.applyCommand(), a.planCommand(), a.configCommand(), a.healthcheckCommand(), a.versionCommand())
	return root
}

// group is a noun: it does nothing but hold its verbs.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, RunE: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("%s has no verb %q; see %s --help", c.CommandPath(), args[0], c.CommandPath())}
		}
		return c.Help()
	}}
	c.AddCommand(verbs...)
	return c
}

// exactArgs wants n arguments.
func exactArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%d arguments, want %d: %s", len(args), n, c.UseLine())}
		}
		return nil
	}
}

// config reads the settings.
func (a *app) config() (service.Config, error) { return service.Load(a.file, a.environ) }

// open connects to Redis and opens the keyset.
func (a *app) open(ctx context.Context) (service.Config, service.Rooms, func(), error) {
	c, err := a.config()
	if err != nil {
		return c, service.Rooms{}, nil, err
	}
	rooms, _, closing, err := service.Open(ctx, c, service.Options{})
	return c, rooms, closing, err
}
