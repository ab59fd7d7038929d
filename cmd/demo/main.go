// Command demo shows the main job with nothing but Go: an embedded Redis,
// simulators of NetSuite and Cin7 Core, the real service between them, and a
// distributor's month that travels from one to the other over HTTP. It ends
// with a table of what happened and a tie-out of the books, and exits 0 only
// if everything is as it must be.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"golang.org/x/term"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

func main() { os.Exit(start()) }

// start reads the command line, plays the demo and returns the exit code.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := options{out: os.Stdout, progress: os.Stderr}
	flag.BoolVar(&o.json, "json", false, "print the result as JSON")
	flag.BoolVar(&o.keep, "keep", false, "leave everything running at the end, to look around")
	flag.BoolVar(&o.signIn, "sign-in", false, "with --keep: want a sign-in, and print a token for each role")
	flag.BoolVar(&o.verbose, "v", false, "show the service's log")
	flag.StringVar(&o.approach, "approach", "INVOICE", "INVOICE or STOCK: which of invoice and goods comes first in Cin7")
	flag.StringVar(&o.breaks, "break", "", "break something, to see the demo fail: account moves a posted line to another account, amount doubles one")
	flag.StringVar(&o.report, "report", "", "write the reconciliation to this file too, as a page to print")
	flag.Parse()
	if o.approach != "INVOICE" && o.approach != "STOCK" || flag.NArg() > 0 {
		flag.Usage()
		return 2
	}
	ok, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

type options struct {
	json, keep, verbose, signIn bool
	approach, breaks            string
	report                      string
	out, progress               io.Writer
}

// tenantID of the company.
const tenantID = "cascade"

// limit is far above what the demo takes; beyond it something is stuck.
const limit = 60 * time.Second

// run plays the demo and reports whether all is as it must be.
func run(ctx context.Context, o options) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	say := func(format string, args ...any) { fmt.Fprintf(o.progress, format+"\n", args...) }

	say("Starting an embedded Redis, the simulators of NetSuite and Cin7 Core, and the service ...")
	d, err := build(ctx, o)
	if err != nil {
		return false, err
	}
	defer d.close()
	say("  NetSuite %s, Cin7 %s, webhooks %s, ops %s", d.netsuiteURL, d.cin7URL, d.publicURL, d.opsURL)

	say("Loading what happened before: the poller must find it ...")
	d.world.TellPast()
	if err := d.apply(ctx, o.approach); err != nil {
		return false, err
	}
	if err := d.settle(ctx, o.progress); err != nil {
		return false, err
	}
	say("Going on with the month: NetSuite posts webhooks ...")
	hook := fmt.Sprintf("%s/webhooks/netsuite/%s?secret=%s", d.publicURL, tenantID, distributor.WebhookSecret)
	d.world.NetSuite.Webhooks(hook, 1)
	d.world.TellLive()
	if err := d.world.NetSuite.Flush(ctx); err != nil {
		return false, fmt.Errorf("post the webhooks: %w", err)
	}
	if err := d.settle(ctx, o.progress); err != nil {
		return false, err
	}
	if o.breaks != "" {
		if err := d.damage(o.breaks); err != nil {
			return false, err
		}
	}
	res, err := d.result(ctx)
	if err != nil {
		return false, err
	}
	res.Took = took(time.Since(start))
	if o.report != "" {
		if err := res.page(o.report); err != nil {
			return false, err
		}
	}
	if o.json {
		err = res.json(o.out)
	} else {
		say("")
		res.print(o.out)
	}
	if err != nil {
		return false, err
	}
	if o.keep {
		if err := d.keepTieOut(ctx, res.Reconciliation); err != nil {
			return false, err
		}
		say("\nEverything goes on running. Look around, and end it with Ctrl-C:")
		for _, role := range []string{"viewer", "operator", "owner"} {
			if t := d.tokens[role]; t != "" {
				say("  token of a %s: %s", role, t)
			}
		}
		say("  %s/console/   in a browser", d.opsURL)
		say("  curl -s %s/api/v1/tenants/%s/records?state=parked", d.opsURL, tenantID)
		say("  curl -s %s/api/v1/tenants/%s/records/purchaseorder/4002", d.opsURL, tenantID)
		say("  curl -s %s/metrics | grep mlc_", d.opsURL)
		say("  curl -X POST -d '{\"recordType\":\"vendorbill\",\"id\":\"6001\"}' '%s'", hook)
		<-ctx.Done()
	}
	return res.OK, nil
}

// demo is everything that runs.
type demo struct {
	world                *distributor.World
	rooms                service.Rooms
	netsuiteURL, cin7URL string
	publicURL, opsURL    string
	tokens               map[string]string // role -> token, when a sign-in is wanted
	tenant               *tenant.Tenant
	creds                tenant.Credentials
	close                func()
}

// build starts all parts, each on a port of its own.
func build(ctx context.Context, o options) (*demo, error) {
	d := &demo{}
	var closers []func()
	d.close = func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}
	var err error
	if d.world, err = distributor.New(distributor.Options{}); err != nil {
		return nil, err
	}
	closers = append(closers, func() { _ = d.world.NetSuite.Close() })
	for url, h := range map[*string]http.Handler{&d.netsuiteURL: d.world.NetSuite, &d.cin7URL: d.world.Cin7} {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("listen for a simulator: %w", err)
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = srv.Serve(l) }()
		closers = append(closers, func() { _ = srv.Close() })
		*url = "http://" + l.Addr().String()
	}
	mr := miniredis.NewMiniRedis()
	if err := mr.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	closers = append(closers, mr.Close)
	rdb := redis.NewClient(&redis.Options{Addr: mr.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	closers = append(closers, func() { _ = rdb.Close() })
	ks, err := secret.Ephemeral()
	if err != nil {
		return nil, err
	}
	environ := []string{"MLC_PUBLIC_ADDR=127.0.0.1:0", "MLC_OPS_ADDR=127.0.0.1:0", "MLC_ALLOW_PRIVATE_ENDPOINTS=true", "MLC_SETTLE_SECONDS=2", "MLC_DRAIN_SECONDS=0", "MLC_LOG_FORMAT=console"}
	if o.signIn {
		file, remove, err := d.makeTokens()
		if err != nil {
			return nil, err
		}
		closers = append(closers, remove)
		environ = append(environ, "MLC_OPS_TOKENS_FILE="+file)
	}
	c, err := service.Load("", environ)
	if err != nil {
		return nil, err
	}
	log := zap.NewNop()
	if o.verbose {
		if log, _, err = service.Logger(c); err != nil {
			return nil, err
		}
	}
	sctx, stop := context.WithCancel(ctx)
	ready, ended := make(chan [2]net.Addr, 1), make(chan error, 1)
	so := service.Options{Log: log, Redis: rdb, Keyset: ks, Ready: func(p, q net.Addr) { ready <- [2]net.Addr{p, q} }}
	var running sync.WaitGroup
	running.Go(func() { ended <- service.Run(sctx, c, so) })
	closers = append(closers, func() {
		stop()
		running.Wait()
	})
	select {
	case a := <-ready:
		d.publicURL, d.opsURL = "http://"+a[0].String(), "http://"+a[1].String()
	case err := <-ended:
		d.close()
		return nil, fmt.Errorf("start the service: %w", err)
	}
	if d.rooms, _, _, err = service.Open(ctx, c, so); err != nil {
		return nil, err
	}
	return d, nil
}

// apply sets the company up as a tenant, from a file as an operator would.
func (d *demo) apply(ctx context.Context, approach string) error {
	var err error
	d.tenant, d.creds, err = tenant.ParseYAML([]byte(d.world.Tenant(tenantID, d.netsuiteURL, d.cin7URL, approach)), tenant.Options{AllowPrivateEndpoints: true})
	if err != nil {
		return fmt.Errorf("read the tenant file: %w", err)
	}
	if _, err := d.rooms.Tenants.Apply(ctx, d.tenant, d.creds); err != nil {
		return err
	}
	return d.rooms.Queue.Wake(ctx, tenantID, time.Time{})
}

// settle waits until nothing is under way, and shows how far things are.
func (d *demo) settle(ctx context.Context, progress io.Writer) error {
	deadline := time.Now().Add(limit)
	tty := false
	if f, ok := progress.(*os.File); ok {
		tty = term.IsTerminal(int(f.Fd()))
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	recs := d.rooms.States.Tenant(tenantID)
	quiet, last := 0, ""
	for {
		n, err := recs.Counts(ctx)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("  %d completed, %d under way, %d waiting, %d parked; %d calls to Cin7", n[queue.Completed], n[queue.Pending]+n[queue.Running],
			n[queue.Waiting], n[queue.Parked], len(d.world.Cin7.Calls()))
		lane, err := d.rooms.Queue.Lane(ctx, tenantID)
		if err != nil {
			return err
		}
		wm, err := recs.Watermarks(ctx)
		if err != nil {
			return err
		}
		idle := wm["last_poll"] != "" && lane.Owner == "" && lane.Depth[queue.Live]+lane.Depth[queue.Bulk] == 0 &&
			lane.Due == 0 // with a new Redis the first creates wait a moment
		switch {
		case idle && line == last:
			quiet++
		default:
			quiet = 0
		}
		if tty {
			fmt.Fprintf(progress, "\r\x1b[K%s", line)
		} else if line != last && time.Now().UnixMilli()/100%5 == 0 || quiet == 3 {
			fmt.Fprintln(progress, line)
		}
		last = line
		if quiet >= 3 {
			if tty {
				fmt.Fprintln(progress)
			}
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing settles within %s: %s", limit, line)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// result reads what became of everything, from the service, and of the books,
// from both systems.
func (d *demo) result(ctx context.Context) (*result, error) {
	res := &result{}
	var got []distributor.Outcome
	f := state.Filter{Limit: 1000}
	page, err := d.rooms.States.Tenant(tenantID).List(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, r := range page.Records {
		got = append(got, distributor.Outcome{Type: r.Type, ID: r.ID, State: string(r.State), Reason: r.Reason, Stage: r.Facts[state.FactStage], Accounts: r.Facts[state.FactAccounts]})
		res.Records = append(res.Records, recordLine{Type: r.Type, Number: r.Facts[state.FactNumber], Party: r.Facts[state.FactParty], Total: r.Facts[state.FactTotal],
			Cin7: r.Facts[state.FactCin7Number], State: string(r.State), Stage: r.Facts[state.FactStage], Accounts: r.Facts[state.FactAccounts]})
		p := parkedLine{Type: r.Type, Number: r.Facts[state.FactNumber], Reason: r.Reason, Message: r.Message, Fix: r.Fix}
		switch r.State {
		case queue.Parked:
			res.Parked = append(res.Parked, p)
		case queue.Waiting:
			res.Waiting = append(res.Waiting, p)
		}
	}
	sortRecords(res.Records)
	res.Broken = distributor.Check(got)
	for _, c := range d.world.Calls() {
		res.Calls = append(res.Calls, callLine{c.System, c.Operation, c.Calls})
	}
	tr := handlers.Transports{}
	ns, err := handlers.NetSuiteClient(d.tenant, d.creds, tr, nil, nil)
	if err != nil {
		return nil, err
	}
	c7, err := handlers.Cin7Client(d.tenant, d.creds, tr, nil, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	res.Reconciliation, err = reconcile.Run(ctx, reconcile.Input{Tenant: d.tenant, NetSuite: ns, Cin7: c7, Records: d.rooms.States.Tenant(tenantID),
		From: distributor.From, To: distributor.To})
	if err != nil {
		return nil, fmt.Errorf("tie the books out: %w", err)
	}
	for _, x := range res.Reconciliation.Differences {
		if x.NeedsPerson {
			res.Broken = append(res.Broken, fmt.Sprintf("unexplained: %s %s of %s, %s: %s", x.Type, x.Number, x.Vendor, reconcile.Title(x.Class), x.Text))
		}
	}
	hooks, err := d.rooms.States.Tenant(tenantID).Hooks(ctx, 200)
	if err != nil {
		return nil, err
	}
	for _, h := range hooks {
		if h.Verdict == "accepted" {
			res.Webhooks++
		}
	}
	if sent := d.world.NetSuite.WebhooksSent(); sent == 0 || sent != res.Webhooks {
		res.Broken = append(res.Broken, strconv.Itoa(sent)+" webhooks were sent, "+strconv.Itoa(res.Webhooks)+" accepted")
	}
	res.Broken = append(res.Broken, d.world.Doubles()...)
	res.OK = len(res.Broken) == 0
	return res, nil
}
