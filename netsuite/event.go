package netsuite

import "net/url"

// Event is what a webhook says: this record may have changed.
type Event struct {
	Type RecordType // "" when the body does not say
	ID   ID
	Kind string // created, updated, deleted, changed
}

// EventOptions are a tenant's hints for bodies that say too little.
type EventOptions struct {
	DefaultType RecordType
}

// ErrNoRecord says that a body holds no usable record id.
type ErrNoRecord struct{ Detail string }

func (e ErrNoRecord) Error() string { return "no record id: " + e.Detail }

// ParseEvent finds record ids and types in whatever body a customer's script
// sends (contract 5.4). Everything else in the body is ignored. unsupported
// counts well-formed events of record types that are not synced.
func ParseEvent(body []byte, query url.Values, o EventOptions) (events []Event, unsupported int, err error) {
	panic("wip")
}
