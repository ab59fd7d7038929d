// Package api is every HTTP request that comes in, and no business meaning.
//
//	public listener   POST /webhooks/netsuite/{tenant}     anybody who knows the secret or knocks from the right address
//	ops listener      /livez /readyz /metrics /openapi.yaml   whoever reaches it
//	                  /api/v1/...                             bearer token with a role, or loopback when there are none
//
// A webhook goes: secret out of the URL, client's address, limits, the door of
// the tenant, ids out of the body, marks durable in Redis, 202. openapi.yaml
// describes both listeners; a test holds it against the routers.
package api
