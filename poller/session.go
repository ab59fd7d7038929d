package poller

import (
	"context"
	"errors"
	"strconv"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/state"
)

// Session is the time zone of NetSuite's session: how it shows one instant.
type Session struct {
	Now    string // as it shows the instant now, "" when there is none to tell by
	Was    string // as polls saw it last, "" when they have not yet
	Offset string // +HH:MM from UTC at that instant, "" where the account does not tell
}

// SessionOf looks at the zone without changing what polls know of it.
func SessionOf(ctx context.Context, ns *netsuite.Client, recs *state.Records) (Session, error) {
	wm, err := recs.Watermarks(ctx)
	if err != nil {
		return Session{}, err
	}
	id, err := strconv.ParseInt(wm[fieldAnchor], 10, 64)
	if err != nil {
		id = 0
	}
	a, ok, err := ns.Anchor(ctx, netsuite.ID(id))
	if err != nil || !ok {
		return Session{}, err
	}
	s := Session{Now: a.Text}
	if id != 0 {
		s.Was = wm[fieldZone]
	}
	if s.Offset, err = ns.Offset(ctx, a); errors.Is(err, netsuite.ErrQuery) || errors.Is(err, netsuite.ErrHidden) {
		err = nil
	}
	return s, err
}
