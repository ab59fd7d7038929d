package console

import "github.com/ml-connector/ml-connector/api"

// Route is a row of the console for tests.
type Route struct {
	Method, Pattern string
	Role            api.Role
}

// Routes are all rows.
func Routes() []Route {
	var out []Route
	for _, e := range (&console{}).routes() {
		out = append(out, Route{e.method, e.pattern, e.role})
	}
	return out
}

// FormMapping is for tests.
var FormMapping = formMapping

// These are for tests.
var (
	Advice   = advice
	StepText = stepText
	Track    = track
)

// Of the overview.
type (
	Glance  = glance
	Verdict = verdict
)

// These are for tests.
var (
	Judge        = judge
	UnknownNames = unknownNames
)
