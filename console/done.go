package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// doneTexts are what a page says after a change, by the code that the redirect
// carries: whoever makes a link chooses a code, never the words. {n} is a count
// of records.
var doneTexts = map[string]string{
	"mapped":      "The mapping is saved. {n} tried again with it.",
	"mapped-late": "The mapping is saved. What was parked for want of it is tried again at the next turn.",
	"same":        "Nothing was changed: the mapping is already like this.",
	"retried":     "{n} tried again.",
	"marked":      "It is tried again as soon as its turn comes. This page shows the outcome when you load it again.",
	"skipped":     "It is left out until the day that you named, and stays on the tie-out.",
	"poll":        "NetSuite is read as soon as the turn of this company comes.",
	"backfill":    "The backfill is started; what is new goes first.",
	"pause":       "The backfill is paused.",
	"resume":      "The backfill goes on.",
	"cancel":      "The backfill is cancelled; what it had begun is worked off.",
	"retired":     "The older secret is refused from now on.",
	"paused":      "This company is paused: what NetSuite tells is kept, nothing is written to Cin7.",
	"resumed":     "This company goes on.",
}

// done leads back to a page after a change, whose text stands on top of it.
func done(w http.ResponseWriter, r *http.Request, to, code string, n ...int) error {
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	to += sep + "done=" + code
	if len(n) > 0 {
		to += "&n=" + strconv.Itoa(n[0])
	}
	lead(w, r, to)
	return nil
}

// doneText is what a page says of the change that led to it; "" when no change
// did.
func doneText(q url.Values) string {
	text, n := doneTexts[q.Get("done")], int64(0)
	if strings.Contains(text, "{n}") {
		var err error
		if n, err = strconv.ParseInt(q.Get("n"), 10, 32); err != nil || n < 0 {
			return ""
		}
	}
	return strings.ReplaceAll(text, "{n}", count(n, "record is", "records are"))
}
