package audit

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Change is a change that is in the log before it is made, and is told to its
// end: an entry without its end is one whose outcome is not known. Methods of
// a nil Change do nothing.
type Change struct {
	log   *Log
	entry Entry

	mu   sync.Mutex
	told map[string]string
}

// Version is what an entry tells the version of the tenant's settings by that a
// change made.
const Version = "version"

// Begin writes down what is about to be done. Whatever it is about must not
// happen when it fails.
func (l *Log) Begin(ctx context.Context, e Entry) (*Change, error) {
	if err := l.Append(ctx, e); err != nil {
		return nil, err
	}
	return &Change{log: l, entry: e, told: map[string]string{}}, nil
}

// Tell adds what is known of the change by its end; an empty value is none.
func (c *Change) Tell(key, value string) {
	if c == nil || value == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[key] = value
}

// endTimeout bounds the entry of the end: the answer waits for it.
const endTimeout = 2 * time.Second

// End writes down how the change ended, though the request that asked for it
// is over. The change has happened or not by then: a failure is for the log of
// the service, and keeps back nothing.
func (c *Change) End(ctx context.Context, outcome string) error {
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entry
	e.Action += " ended"
	e.Detail = maps.Clone(c.entry.Detail)
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	maps.Copy(e.Detail, c.told)
	e.Detail["outcome"] = outcome
	return c.log.Append(ctx, e)
}

type changeKey struct{}

// In puts a change into the context of what carries it out.
func In(ctx context.Context, c *Change) context.Context {
	return context.WithValue(ctx, changeKey{}, c)
}

// Of is the change that a context carries out; nil when there is none.
func Of(ctx context.Context) *Change {
	c, _ := ctx.Value(changeKey{}).(*Change)
	return c
}
