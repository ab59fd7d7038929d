// Command simulate serves the simulators of NetSuite and Cin7 Core, filled
// with an invented distributor, for trying `ml-connector serve` by hand. It
// writes a tenant file for them, and takes faults and the rest of the month
// over HTTP on an address of its own.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
)

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.netsuite, "netsuite", "127.0.0.1:7001", "address of the NetSuite simulator")
	flag.StringVar(&o.cin7, "cin7", "127.0.0.1:7002", "address of the Cin7 Core simulator")
	flag.StringVar(&o.control, "control", "127.0.0.1:7000", "address for faults and for going on with the month")
	flag.StringVar(&o.tenantFile, "tenant", "cascade.yaml", "tenant file to write")
	flag.StringVar(&o.webhook, "webhook", "http://127.0.0.1:8080", "where the service's public listener is")
	flag.StringVar(&o.approach, "approach", "INVOICE", "approach of the tenant file: INVOICE or STOCK")
	flag.IntVar(&o.calls, "calls-per-minute", distributor.CallsPerMinute, "limit of the Cin7 simulator; the real one's is 60")
	flag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 1
	}
	return 0
}

type options struct {
	netsuite, cin7, control, tenantFile, webhook, approach string
	calls                                                  int
}

func run(ctx context.Context, o options) error {
	w, err := distributor.New(distributor.Options{Cin7: cin7test.Options{CallsPerMinute: o.calls}})
	if err != nil {
		return err
	}
	w.TellPast()
	file := w.Tenant("cascade", "http://"+o.netsuite, "http://"+o.cin7, o.approach)
	// The file holds the credentials of the simulators, so it is treated as one
	// that holds real ones.
	if err := os.WriteFile(o.tenantFile, []byte(file), 0o600); err != nil {
		return fmt.Errorf("write the tenant file: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	for name, l := range map[string]struct {
		addr string
		h    http.Handler
	}{"NetSuite": {o.netsuite, w.NetSuite}, "Cin7": {o.cin7, w.Cin7}, "control": {o.control, control(w, o)}} {
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp", l.addr)
		if err != nil {
			return fmt.Errorf("%s: %w: another process may have the port; choose another with -%s", name, err, map[string]string{"NetSuite": "netsuite", "Cin7": "cin7", "control": "control"}[name])
		}
		s := &http.Server{Handler: l.h, ReadHeaderTimeout: 5 * time.Second}
		g.Go(func() error {
			if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		g.Go(func() error { <-ctx.Done(); return s.Close() })
	}
	fmt.Printf(`NetSuite simulator  http://%s
Cin7 simulator      http://%s
tenant file         %s

In another terminal:
  ml-connector tenant apply -f %s        (with MLC_ALLOW_PRIVATE_ENDPOINTS=true)
  ml-connector serve
Then go on with the month, by webhooks:
  curl -X POST http://%s/month
Or make things fail:
  curl -X POST 'http://%s/fault?system=cin7&when=after&shape=close&times=1'
  curl -X POST 'http://%s/fault?system=netsuite&status=503&times=3'
See what took effect in Cin7:
  curl http://%s/journal
Or play the M2M page of NetSuite, for a certificate of ml-connector netsuite keygen:
  curl --data-binary @netsuite-cert.pem http://%s/certificate
`, o.netsuite, o.cin7, o.tenantFile, o.tenantFile, o.control, o.control, o.control, o.control, o.control)
	return g.Wait()
}

// control serves the switches of the simulators.
func control(w *distributor.World, o options) http.Handler {
	mux := http.NewServeMux()
	hook := o.webhook + "/webhooks/netsuite/cascade?secret=" + distributor.WebhookSecret
	mux.HandleFunc("POST /month", func(rw http.ResponseWriter, r *http.Request) {
		variant, err := variantOf(r.URL.RawQuery)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		w.NetSuite.Webhooks(hook, variant)
		before := w.NetSuite.WebhooksSent()
		w.TellLive()
		if err := w.NetSuite.Flush(r.Context()); err != nil {
			http.Error(rw, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintf(rw, "told the rest of the month: %d webhooks sent, %d failed\n", w.NetSuite.WebhooksSent()-before, len(w.NetSuite.WebhookErrors()))
	})
	mux.HandleFunc("POST /fault", func(rw http.ResponseWriter, r *http.Request) {
		if err := arm(w, r.URL.RawQuery); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(rw, "the fault waits for its request")
	})
	mux.HandleFunc("POST /certificate", func(rw http.ResponseWriter, r *http.Request) {
		id, err := register(w, http.MaxBytesReader(rw, r.Body, 64<<10))
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(rw, "account_id: %q\nclient_id: %q\ncertificate_id: %q\n", distributor.NetSuiteAccount, distributor.ClientID, id)
	})
	mux.HandleFunc("GET /journal", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(rw)
		e.SetIndent("", "  ")
		_ = e.Encode(w.Cin7.Journal())
	})
	return mux
}

// register is NetSuite's page OAuth 2.0 Client Credentials (M2M) Setup: it
// takes a certificate for the integration and gives it an id (contract 1.2).
func register(w *distributor.World, body io.Reader) (id string, err error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("read the certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", errors.New("this is no certificate in PEM: post netsuite-cert.pem, as ml-connector netsuite keygen makes it")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("the certificate cannot be read: %w", err)
	}
	sum := sha256.Sum256(block.Bytes)
	id = base64.RawURLEncoding.EncodeToString(sum[:])
	w.NetSuite.RegisterCertificate(distributor.ClientID, id, c.PublicKey)
	return id, nil
}
