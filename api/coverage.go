package api

import (
	"net/http"
	"time"

	"github.com/ml-connector/ml-connector/poller"
)

// getCoverage states how completely NetSuite has been read, per record type.
func (a *ops) getCoverage(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	all, err := poller.CoverageOf(r.Context(), t, a.records(t), time.Now())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"complete": complete(all), "types": all})
	return nil
}

func complete(all []poller.Coverage) bool {
	for _, c := range all {
		if !c.Complete {
			return false
		}
	}
	return len(all) > 0
}
