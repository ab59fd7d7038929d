package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/ml-connector/ml-connector/secret"
)

// Patient returns a limit for a client of a person or of a nightly job: it
// takes its calls from the same budget as the lanes, behind live work, and waits for as long as
// that takes.
func (b *Budget) Patient(key secret.String, perMinute int, now func() time.Time) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			err := b.waitBulk(ctx, key, perMinute, now)
			var spent *budgetSpent
			if !errors.As(err, &spent) {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(max(spent.until.Sub(now()), 100*time.Millisecond)):
			}
		}
	}
}
