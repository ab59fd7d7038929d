package api

// For the tests of layers that no request can reach alone.
var (
	HideSecret = hideSecret
	Recovered  = recovered
	Pointer    = pointer
)

// Endpoint is a row of the ops API, for the walk over routes and roles.
type Endpoint struct {
	Method, Pattern string
	Role            Role
}

// Table is the ops API.
func Table() []Endpoint {
	var out []Endpoint
	for _, e := range (&ops{}).table() {
		out = append(out, Endpoint{e.method, e.pattern, e.role})
	}
	return out
}

// InFlight fills the gauge of a tenant and returns how many got in.
func InFlight(tenants ...string) []bool {
	g := gauge{perTenant: map[string]int{}}
	var out []bool
	for _, t := range tenants {
		out = append(out, g.enter(t))
	}
	for i, t := range tenants {
		if out[i] {
			g.leave(t)
		}
	}
	if g.all != 0 || len(g.perTenant) != 0 {
		panic("the gauge does not empty")
	}
	return out
}

// The caps of it.
const (
	MaxInFlight       = maxInFlight
	MaxTenantInFlight = maxTenantInFlight
)

// Parameters are what queries of the ops API may hold, by method and pattern.
var Parameters = parameters
