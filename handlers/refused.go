package handlers

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
)

// fieldRefused of the watermarks are the optional columns that NetSuite does
// not show this tenant, and when it said so, as JSON: a process that starts
// does not ask for them again, until a day has passed.
const fieldRefused = "refused_columns"

// refusedColumns reads them; what cannot be read is asked for again.
func refusedColumns(wm map[string]string) map[string]time.Time {
	out := map[string]time.Time{}
	if err := json.Unmarshal([]byte(wm[fieldRefused]), &out); err != nil {
		return nil
	}
	return out
}

// keepRefused keeps what this turn has found out.
func (t *turn) keepRefused(ctx context.Context) {
	now, before := t.ns.Refused(), refusedColumns(t.wm)
	if maps.EqualFunc(now, before, time.Time.Equal) {
		return
	}
	for _, column := range slices.Sorted(maps.Keys(now)) {
		if _, known := before[column]; !known {
			t.log.Info("NetSuite does not show this column; it is left out, and asked for again in a day", zap.String("column", column))
		}
	}
	text, err := json.Marshal(now)
	if err == nil {
		err = t.note(context.WithoutCancel(ctx), fieldRefused, string(text))
	}
	if err != nil {
		t.log.Warn("keep which columns NetSuite refuses: they are asked for again", zap.Error(err))
	}
}
