package queue

import (
	"strconv"
	"strings"
	"time"
)

// Step is one line of a record's timeline.
type Step struct {
	At   time.Time // zero: Redis' now
	Name string    // marked, read, planned, called, settled, ...
	Text string    // plain words, no secrets
}

// StepText is a step as the list at KeyLog keeps it: time in ms, name and
// text, each on a line of its own; only the text may have several.
func StepText(s Step) string {
	at := ""
	if !s.At.IsZero() {
		at = strconv.FormatInt(s.At.UnixMilli(), 10)
	}
	return at + "\n" + s.Name + "\n" + s.Text
}

// ParseStep reads what StepText wrote.
func ParseStep(text string) Step {
	at, rest, _ := strings.Cut(text, "\n")
	name, said, _ := strings.Cut(rest, "\n")
	return Step{At: milli(at), Name: name, Text: said}
}
