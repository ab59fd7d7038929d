package handlers

import (
	"context"
	"errors"

	"github.com/ml-connector/ml-connector/tenant"
)

// company holds the tenant to the NetSuite account and the Cin7 company that
// it first met, before anything is written: keys that were swapped between two
// tenants must not post one company's bills into another's books. It costs one
// call per version of the credentials and process.
func (t *turn) company(ctx context.Context) error {
	if t.s.met {
		return nil
	}
	me, err := t.c7.Me(ctx)
	if err != nil {
		return t.classify(err)
	}
	err = t.w.tenants.Bind(ctx, t.t.ID, tenant.Companies{NetSuite: t.t.NetSuite.AccountID, Cin7: t.t.Cin7.AccountID, Company: me.Company}, t.w.now())
	var wrong *tenant.WrongCompany
	if errors.As(err, &wrong) {
		return &hold{WaitUpstream, t.w.now().Add(holdCredentials), err}
	}
	if err != nil {
		return err
	}
	t.s.met = true
	return nil
}
