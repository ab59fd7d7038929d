// Package console is the web console on the ops listener, for the accounts-
// payable clerk, the operator and the controller. It shows what the other
// rooms know and lets people do what the ops API lets programs do.
//
//	/console/                        every tenant: act, or not
//	/console/t/{id}/                 one tenant at a glance
//	/console/t/{id}/records ...      search, filter, grouped by cause, bulk retry
//	/console/t/{id}/records/{type}/{nsid}   a record's story, both systems side by side
//	/console/t/{id}/parked           the work list
//	/console/t/{id}/accounts         how accounts match; edit the mapping
//	/console/t/{id}/tie-out          do the books agree?
//	/console/t/{id}/webhooks runs settings,  /console/audit
//
// Pages are made here, by html/template, and work without script; htmx only
// refreshes what is on screen. Filters live in the URL, a change is a POST that
// ends in a redirect. Every route names the role that it needs; whoever signs
// in shows one of the ops API's tokens, and the cookie holds no more than a
// sealed note of which.
package console
