package tenant

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// Companies are the two that a tenant joins.
type Companies struct {
	NetSuite string    `json:"netsuite"` // account id
	Cin7     string    `json:"cin7"`     // account id (GUID)
	Company  string    `json:"company"`  // as Cin7 names it
	BoundAt  time.Time `json:"bound_at"` // when they were first met
}

// Same compares what cannot change by itself. A sandbox is another account.
func (c Companies) Same(d Companies) bool {
	fold := func(s string) string { return strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(s)), "-", "_") }
	return fold(c.NetSuite) == fold(d.NetSuite) && fold(c.Cin7) == fold(d.Cin7) && fold(c.Company) == fold(d.Company)
}

func (c Companies) String() string {
	return fmt.Sprintf("NetSuite %s with Cin7 %q (%s)", c.NetSuite, c.Company, c.Cin7)
}

// WrongCompany says that a tenant's credentials lead to other companies than
// the ones it was first set up with. Nothing may be written then.
type WrongCompany struct {
	Tenant       string
	Bound, Found Companies
}

func (e *WrongCompany) Error() string {
	return fmt.Sprintf("tenant %s is bound to %s, but its credentials lead to %s: nothing is written; put the right credentials back, or, if this is meant, ml-connector tenant rebind %s",
		e.Tenant, e.Bound, e.Found, e.Tenant)
}

// bindScript binds a tenant unless it is bound, and returns what it is bound
// to.
//
// KEYS 1 bound. ARGV 1 netsuite, 2 cin7, 3 company, 4 time.
var bindScript = redis.NewScript(`
if redis.call('HEXISTS', KEYS[1], 'netsuite') == 0 then redis.call('HSET', KEYS[1], 'netsuite', ARGV[1], 'cin7', ARGV[2], 'company', ARGV[3], 'at', ARGV[4]) end
return redis.call('HMGET', KEYS[1], 'netsuite', 'cin7', 'company', 'at')
`)

// Bind ties a tenant to the companies that its credentials lead to when it
// first meets them, and afterwards holds it to them: *WrongCompany.
func (s *Store) Bind(ctx context.Context, id string, found Companies, now time.Time) error {
	v, err := bindScript.Run(ctx, s.rdb, []string{queue.KeyBinding(id)}, found.NetSuite, found.Cin7, found.Company, now.UTC().Format(time.RFC3339Nano)).StringSlice()
	if err != nil {
		return fmt.Errorf("look which companies tenant %s is bound to: %w", id, err)
	}
	bound := Companies{NetSuite: v[0], Cin7: v[1], Company: v[2]}
	if !bound.Same(found) {
		return &WrongCompany{id, bound, found}
	}
	return nil
}

// Bound tells which companies a tenant is bound to; nil before it has met them.
func (s *Store) Bound(ctx context.Context, id string) (*Companies, error) {
	h, err := s.rdb.HGetAll(ctx, queue.KeyBinding(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("look which companies tenant %s is bound to: %w", id, err)
	}
	if h["netsuite"] == "" {
		return nil, nil
	}
	c := &Companies{NetSuite: h["netsuite"], Cin7: h["cin7"], Company: h["company"]}
	c.BoundAt, _ = time.Parse(time.RFC3339, h["at"])
	return c, nil
}

// BoundSince tells when a tenant first met its companies and when a person last
// let it be bound anew; zero times where neither has happened.
func (s *Store) BoundSince(ctx context.Context, id string) (bound, rebound time.Time, err error) {
	v, err := s.rdb.HMGet(ctx, queue.KeyBinding(id), "at", "rebound").Result()
	if err != nil {
		return bound, rebound, fmt.Errorf("look since when tenant %s is bound: %w", id, err)
	}
	at := func(v any) time.Time {
		text, _ := v.(string)
		t, _ := time.Parse(time.RFC3339, text)
		return t
	}
	return at(v[0]), at(v[1]), nil
}

// rebindScript forgets the companies and keeps when.
//
// KEYS 1 bound. ARGV 1 time.
var rebindScript = redis.NewScript(`
redis.call('DEL', KEYS[1])
return redis.call('HSET', KEYS[1], 'rebound', ARGV[1])
`)

// Rebind forgets the companies of a tenant: it binds itself to those that it
// meets next, and takes them over from any other deployment that wrote to them
// before.
func (s *Store) Rebind(ctx context.Context, id string) error {
	if _, err := s.Get(ctx, id); err != nil {
		return err
	}
	if err := rebindScript.Run(ctx, s.rdb, []string{queue.KeyBinding(id)}, time.Now().UTC().Format(time.RFC3339Nano)).Err(); err != nil {
		return fmt.Errorf("rebind tenant %s: %w", id, err)
	}
	return nil
}
