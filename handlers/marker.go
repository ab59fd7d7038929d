package handlers

import (
	"regexp"
	"strings"

	"github.com/ml-connector/ml-connector/queue"
)

// marker is the text that ties a Cin7 object to the NetSuite record it was
// made for: NS:<type>:<id>@<account>. The account keeps a sandbox, whose ids
// are those of production, from being taken for it.
func marker(account string, r queue.Ref) string {
	return "NS:" + r.Type + ":" + r.ID + "@" + account
}

var markerForm = regexp.MustCompile(`(?:^|\s)NS:([a-z]+):([0-9]+)@([A-Za-z0-9_-]+)(?:\s|$)`)

// findMarker returns the first marker in a text.
func findMarker(text string) (account string, r queue.Ref, ok bool) {
	m := markerForm.FindStringSubmatch(text)
	if m == nil {
		return "", queue.Ref{}, false
	}
	return m[3], queue.Ref{Type: m[1], ID: m[2]}, true
}

// marked reports whether a text carries exactly this marker.
func marked(text, account string, r queue.Ref) bool {
	a, got, ok := findMarker(text)
	return ok && got == r && strings.EqualFold(a, account)
}
