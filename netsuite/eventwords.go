package netsuite

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// The keys that may hold an id, a type, a kind or another event, in order of
// preference (contract 5.4). Case does not count.
var (
	idKeys   = [...]string{"id", "internalid", "recordid", "record_id", "recid", "nsid"}
	typeKeys = [...]string{"recordtype", "record_type", "type", "topic", "entity"}
	nameKeys = [...]string{"eventtype", "event_type", "event"} // of events such as vendor.updated
	kindKeys = [...]string{"eventtype", "event_type", "event", "action", "operation", "triggertype"}
	wrappers = [...]string{"events", "records", "data", "payload", "record", "newrecord", "context"}
)

// read says whether we look at a key: two spellings of it in one object could
// be read differently by two readers.
func read(key string) bool {
	_, ok := lookedAt[key]
	return ok
}

// lookedAt are the keys that we look at, each by itself.
var lookedAt = func() map[string]string {
	out := map[string]string{"resource": "resource"}
	for _, k := range slices.Concat(idKeys[:], typeKeys[:], nameKeys[:], kindKeys[:], wrappers[:]) {
		out[k] = k
	}
	return out
}()

// wordKeys may hold what happened.
var wordKeys = slices.Concat(kindKeys[:], typeKeys[:])

// object is a JSON object or a form: lower-case key -> value.
type object map[string]any

// id is the first key that holds a record id, as text or as a number.
func (o object) id() ID {
	for _, k := range idKeys {
		if id := asID(o[k]); id != 0 {
			return id
		}
	}
	return 0
}

// asID reads a record id, as text or as a number; 0 for anything else.
func asID(v any) ID {
	s, _ := v.(string)
	if n, ok := v.(json.Number); ok {
		s = n.String()
	}
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0 // most values: spare them the error
	}
	id, err := ParseID(s)
	if err != nil {
		return 0
	}
	return id
}

// at is the value at a path of keys joined by dots, nil when there is none.
func (o object) at(path string) any {
	var v any = o
	for rest, more := strings.ToLower(path), true; more; {
		var k string
		k, rest, more = strings.Cut(rest, ".")
		in, ok := v.(object)
		if !ok {
			return nil
		}
		v = in[k]
	}
	return v
}

// typ is the record type that the object names; named says that a key for
// types holds it, rather than the name of an event. A type that we know comes
// before one that we do not.
func (o object) typ() (typ string, named bool) {
	for _, k := range typeKeys {
		s, _ := o[k].(string)
		if t := typeIn(s); t != "" {
			return t, true
		}
		// "entity" is as often the vendor's name or number; a word such as
		// "edit" is the kind.
		if typ == "" && k != "entity" && kindOf(s) == "" && strings.Trim(s, "0123456789") != "" {
			typ, named = s, true
		}
	}
	for _, k := range nameKeys {
		s, _ := o[k].(string)
		if t := typeIn(s); t != "" {
			return t, false
		}
	}
	return typ, named
}

// kind is what happened, "" when the object does not say.
func (o object) kind() string {
	for _, k := range wordKeys {
		s, _ := o[k].(string)
		if kind := kindOf(s); kind != "" {
			return kind
		}
	}
	return ""
}

// unwrap lists what may hold events inside the object.
func (o object) unwrap() []any {
	var in []any
	for _, w := range wrappers {
		if v, ok := o[w]; ok {
			in = append(in, v)
		}
	}
	if s, ok := o["resource"].(string); ok { // "&id=12&recordtype=purchaseorder"
		if q, err := url.ParseQuery(strings.TrimLeft(s, "?&")); err == nil {
			if f, err := formObject(q, false); err == nil {
				delete(f, "resource") // not a form in a form in a form
				in = append(in, f)
			}
		}
	}
	return in
}

// maxWord is longer than any name of a type or event; it bounds the search.
const maxWord = 80

// typeIn reads a type, alone or in front of an event: "vendor_bill",
// "vendorbill.updated", "PO_READY". The longest type wins.
func typeIn(s string) string {
	if len(s) > maxWord {
		return ""
	}
	for end := len(s); end > 0; end = strings.LastIndexAny(s[:end], "._:") {
		if typeNamed(s[:end]) != "" {
			return s[:end]
		}
	}
	return ""
}

func squeeze(s string) string {
	return joined.Replace(strings.ToLower(s))
}

// typeNamed reads the spellings of our record types; "" for others.
func typeNamed(s string) RecordType {
	switch squeeze(s) {
	case "vendor", "supplier":
		return TypeVendor
	case "purchaseorder", "purchord", "po":
		return TypePurchaseOrder
	case "itemreceipt", "itemrcpt":
		return TypeItemReceipt
	case "vendorbill", "vendbill", "bill":
		return TypeVendorBill
	case "vendorcredit", "vendcred":
		return TypeVendorCredit
	}
	return ""
}

const kindChanged = "changed"

// kindOf reads the words for what happened, of NetSuite's user events and of
// people; "" for others. Of "vendor.updated" the last part counts.
func kindOf(s string) string {
	switch strings.ToLower(s[strings.LastIndexAny(s, "._: ")+1:]) {
	case "create", "created", "copy":
		return "created"
	case "edit", "edited", "update", "updated", "xedit", "approve", "approved", "save", "saved", "change":
		return "updated"
	case "delete", "deleted":
		return "deleted"
	case "changed", "cancel", "reject", "dropship", "specialorder", "orderitems", "paybills":
		return kindChanged
	}
	return ""
}

// joined takes out what separates the words of a name.
var joined = strings.NewReplacer(" ", "", "_", "", "-", "")
