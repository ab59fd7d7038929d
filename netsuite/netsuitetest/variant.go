package netsuitetest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// body is an event in the shape of a variant of contract 5.4, with the content
// type that a careful script would give it.
func (d Delivery) body(ev event) (body, contentType string) {
	id := strconv.FormatInt(ev.id, 10)
	past := map[string]string{"create": "created", "edit": "updated", "delete": "deleted"}[ev.kind]
	at := ev.at.UTC().Format(time.RFC3339)
	var v any
	switch d.Variant {
	case 1: // event subscriber, forwarded unchanged: no kind
		v = map[string]any{"context": map[string]any{"recordType": strings.ToUpper(ev.recordType)}, "payload": map[string]any{"recordId": id}}
	case 2:
		v = map[string]any{"recordType": ev.recordType, "id": id, "eventType": ev.kind}
	case 3: // the type hides in the event name
		v = map[string]any{"eventType": map[string]string{"vendor": "VENDOR", "purchaseorder": "PO", "itemreceipt": "ITEMRECEIPT", "vendorbill": "BILL", "vendorcredit": "VENDORCREDIT"}[ev.recordType] + "_READY",
			"internalId": ev.id, "tranId": ev.name, "timestamp": at}
	case 4:
		v = map[string]any{"event_type": ev.recordType + "." + past, "timestamp": at, "account_id": "1234567", "record": map[string]any{"id": id, "type": ev.recordType}}
	case 5: // serialised SuiteScript record
		v = map[string]any{"id": id, "type": ev.recordType, "isDynamic": false, "fields": map[string]any{"entity": "301"}, "sublists": map[string]any{"item": map[string]any{}}}
	case 6:
		one := []any{map[string]any{"id": id, "type": ev.recordType}}
		switch ev.id % 3 {
		case 0:
			v = one
		case 1:
			v = map[string]any{"events": one}
		default:
			v = map[string]any{"records": one}
		}
	case 7:
		v = map[string]any{"topic": ev.recordType, "resource": "&id=" + id + "&recordtype=" + ev.recordType, "sent": at}
	case 8:
		return url.Values{"recordtype": {ev.recordType}, "internalid": {id}, "type": {ev.kind}}.Encode(), "application/x-www-form-urlencoded"
	case 9:
		v = map[string]any{"type": ev.recordType, "internalId": ev.id, "old": map[string]any{"memo": "x"}, "new": map[string]any{"memo": "y"}}
	default:
		panic(fmt.Sprintf("netsuitetest: webhook variant %d", d.Variant))
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("netsuitetest: webhook body: %v", err)) // only strings and numbers go in
	}
	return string(b), "application/json"
}
