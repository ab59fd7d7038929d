package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// Transports carry the requests to the two systems; nil takes each client's
// own. They are shared by all tenants, so that connections are reused.
type Transports struct {
	NetSuite, Cin7 http.RoundTripper
	NetSuiteHTTP1  http.RoundTripper // see netsuite.Config
	// Budget shares what NetSuite allows in flight among all processes; nil:
	// each client counts for itself.
	Budget *Budget
}

// NetSuiteClient builds the client of a tenant.
func NetSuiteClient(t *tenant.Tenant, c tenant.Credentials, tr Transports, now func() time.Time, observe func(string, int, time.Duration)) (*netsuite.Client, error) {
	var share func(context.Context, bool) (func(), error)
	if tr.Budget != nil {
		share = func(ctx context.Context, background bool) (func(), error) {
			return tr.Budget.slot(ctx, t.NetSuite.AccountID, t.NetSuite.MaxConcurrency, background)
		}
	}
	return netsuite.New(netsuite.Config{
		AccountID: t.NetSuite.AccountID, BaseURL: t.NetSuite.BaseURL, ClientID: t.NetSuite.ClientID, CertificateID: t.NetSuite.CertificateID,
		PrivateKeyPEM: c.NetSuiteKeyPEM, Book: t.NetSuite.AccountingBook, MaxConcurrency: t.NetSuite.MaxConcurrency,
		Transport: tr.NetSuite, HTTP1: tr.NetSuiteHTTP1, Now: now, Observe: observe, Share: share,
	})
}

// Cin7Client builds the client of a tenant. limit is asked before every
// request, limited is told of refusals over the limit.
func Cin7Client(t *tenant.Tenant, c tenant.Credentials, tr Transports, now func() time.Time, limit func(context.Context) error,
	limited func(time.Duration), observe func(string, int, time.Duration)) (*cin7.Client, error) {
	return cin7.New(cin7.Config{
		AccountID: t.Cin7.AccountID, ApplicationKey: c.Cin7Key, BaseURL: t.Cin7.BaseURL, Transport: tr.Cin7,
		Limit: limit, Limited: limited, Now: now, Observe: observe,
	})
}
