package netsuitetest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// receiver notes what is posted to it.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // content type, query and body
	status int
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusAccepted}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, strings.TrimSpace(req.Header.Get("Content-Type")+" "+strings.TrimPrefix(req.URL.RawQuery, "secret=s")+" "+string(b)))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) bodies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

func flush(t *testing.T, a *account) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := a.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestVariants(t *testing.T) {
	want := []string{
		1: `application/json  {"context":{"recordType":"VENDOR"},"payload":{"recordId":"301"}}`,
		2: `application/json  {"eventType":"edit","id":"301","recordType":"vendor"}`,
		3: `application/json  {"eventType":"VENDOR_READY","internalId":301,"timestamp":"2026-11-10T20:00:00Z","tranId":"V-1001"}`,
		4: `application/json  {"account_id":"1234567","event_type":"vendor.updated","record":{"id":"301","type":"vendor"},"timestamp":"2026-11-10T20:00:00Z"}`,
		5: `application/json  {"fields":{"entity":"301"},"id":"301","isDynamic":false,"sublists":{"item":{}},"type":"vendor"}`,
		6: `application/json  {"events":[{"id":"301","type":"vendor"}]}`,
		7: `application/json  {"resource":"\u0026id=301\u0026recordtype=vendor","sent":"2026-11-10T20:00:00Z","topic":"vendor"}`,
		8: `application/x-www-form-urlencoded  internalid=301&recordtype=vendor&type=edit`,
		9: `application/json  {"internalId":301,"new":{"memo":"y"},"old":{"memo":"x"},"type":"vendor"}`,
	}
	for variant := 1; variant <= 9; variant++ {
		a := open(t, Options{})
		shop(a)
		r := receive(t)
		a.Webhooks(r.URL+"/webhooks/netsuite/acme?secret=s", variant)
		v, _ := a.Vendor(301)
		a.PutVendor(v)
		flush(t, a)
		if diff := cmp.Diff([]string{want[variant]}, r.bodies()); diff != "" {
			t.Errorf("variant %d (-want +got)\n%s", variant, diff)
		}
		if errs := a.WebhookErrors(); len(errs) != 0 || a.WebhooksSent() != 1 {
			t.Errorf("variant %d: %d sent, errors %v", variant, a.WebhooksSent(), errs)
		}
	}
}

// Every record type of the sync posts, lists do not.
func TestWebhookTypes(t *testing.T) {
	a := open(t, Options{})
	r := receive(t)
	a.Deliver(Delivery{URL: r.URL, Variant: 8, Reverse: 1})
	shop(a)
	a.Delete("vendorcredit", 7001)
	flush(t, a)
	a.Webhooks("", 0)
	a.Delete("itemreceipt", 5001)
	flush(t, a)
	const form = "application/x-www-form-urlencoded  "
	want := []string{
		form + "internalid=301&recordtype=vendor&type=create",
		form + "internalid=4001&recordtype=purchaseorder&type=create",
		form + "internalid=5001&recordtype=itemreceipt&type=create",
		form + "internalid=6001&recordtype=vendorbill&type=create",
		form + "internalid=7001&recordtype=vendorcredit&type=create",
		form + "internalid=7001&recordtype=vendorcredit&type=delete",
	}
	if diff := cmp.Diff(want, r.bodies()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDeliveryFaults(t *testing.T) {
	for _, c := range []struct {
		name     string
		delivery Delivery
		want     []string
	}{
		{"lost", Delivery{Variant: 8, LoseEvery: 2, Reverse: 1}, []string{"1", "3"}},
		{"doubled", Delivery{Variant: 8, DoubleEvery: 3, Reverse: 1}, []string{"1", "2", "3", "3", "4"}},
		{"reversed", Delivery{Variant: 8, Reverse: 3}, []string{"3", "2", "1", "4"}},
		{"in the URL only", Delivery{Variant: 8, OnlyQuery: true, Reverse: 1}, []string{"1", "2", "3", "4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, Options{})
			r := receive(t)
			c.delivery.URL = r.URL + "?secret=s"
			a.Deliver(c.delivery)
			for id := range int64(4) {
				a.Notify("edit", "vendor", id+1)
			}
			flush(t, a)
			var got []string
			for _, b := range r.bodies() {
				_, rest, _ := strings.Cut(b, "internalid=")
				id, _, _ := strings.Cut(rest, "&")
				got = append(got, id)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Scripts do not retry, and an error does not show the URL with its secret.
func TestWebhookErrors(t *testing.T) {
	a := open(t, Options{})
	r := receive(t)
	r.status = http.StatusServiceUnavailable
	a.Deliver(Delivery{URL: r.URL + "/?secret=hush", Variant: 2, ContentType: "text/plain; charset"})
	a.Notify("edit", "vendor", 1)
	flush(t, a)
	a.Webhooks("http://127.0.0.1:1/?secret=hush", 2)
	a.Notify("edit", "vendor", 2)
	flush(t, a)
	errs := a.WebhookErrors()
	if len(errs) != 2 || errs[0].Error() != "webhook edit vendor 1: HTTP 503" || strings.Contains(errs[1].Error(), "hush") {
		t.Errorf("got %v", errs)
	}
	if got := r.bodies(); len(got) != 1 || !strings.HasPrefix(got[0], "text/plain; charset") {
		t.Errorf("got %q, want one post with the wrong content type", got)
	}
}

// A receiver that hangs does not keep Close from returning.
func TestCloseEndsPosts(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	started, release := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(started)
		<-release
	}))
	defer srv.Close()
	defer close(release)
	s.Webhooks(srv.URL, 1)
	s.Notify("edit", "vendor", 1)
	<-started
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
