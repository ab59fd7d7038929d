package service

import (
	"context"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/tenant"
)

// deployments looks whether another deployment writes to the Cin7 company.
func (e Examination) deployments(ctx context.Context, f *findings, t *tenant.Tenant, c *cin7.Client) {
	const name = "other deployments"
	flags, err := handlers.Flags(ctx, c)
	if err != nil {
		f.unseen(name, "%v", err)
		return
	}
	self, err := handlers.SelfOf(ctx, e.Rooms.Tenants, t.ID)
	if err != nil {
		f.unseen(name, "%v", err)
		return
	}
	other := self.Other(flags, e.Now())
	if other == nil {
		f.ok(name, "this one (%s) is alone", self.Deployment)
		return
	}
	f.fail(name, "stop one of the two; when the other is the one that is gone for good: ml-connector tenant rebind "+t.ID,
		"deployment %s wrote to this Cin7 company at %s, this one is %s: nothing is written from here", other.Deployment, other.At.UTC().Format(time.RFC3339), self.Deployment)
}
