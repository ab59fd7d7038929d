package netsuite

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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

// id is the first key that holds a record id, as text or as a number.
func (m *message) id(object int) ID {
	for _, k := range idKeys {
		if id := m.values[m.get(object, k)].id(); id != 0 {
			return id
		}
	}
	return 0
}

// id reads a record id, as text or as a number; 0 for anything else.
func (v value) id() ID {
	if v.text == "" || v.text[0] < '0' || v.text[0] > '9' {
		return 0 // most values: spare them the error
	}
	id, err := ParseID(v.text)
	if err != nil {
		return 0
	}
	return id
}

// unsynced is any type that is none of ours.
const unsynced RecordType = "unsynced"

// named is the type that a text stands for, "" for no text.
func named(s string) RecordType {
	if s == "" {
		return ""
	}
	return cmp.Or(typeNamed(s), unsynced)
}

// typ is the record type that the object names; named says that a key for
// types holds it, rather than the name of an event. A type that we know comes
// before one that we do not.
func (m *message) typ(object int) (typ RecordType, byKey bool) {
	for _, k := range typeKeys {
		s := m.text(object, k)
		if t := typeIn(s); t != "" {
			return t, true
		}
		// "entity" is as often the vendor's name or number; a word such as
		// "edit" is the kind.
		if typ == "" && k != "entity" && kindOf(s) == "" && strings.Trim(s, "0123456789") != "" {
			typ, byKey = named(s), true
		}
	}
	for _, k := range nameKeys {
		if t := typeIn(m.text(object, k)); t != "" {
			return t, false
		}
	}
	return typ, byKey
}

// kind is what happened, "" when the object does not say.
func (m *message) kind(object int) string {
	for _, k := range wordKeys {
		if kind := kindOf(m.text(object, k)); kind != "" {
			return kind
		}
	}
	return ""
}

// unwrap adds to in what may hold events inside the object.
func (m *message) unwrap(in []int, object int) []int {
	for _, k := range wrappers {
		if v := m.get(object, k); v != 0 {
			in = append(in, v)
		}
	}
	if s := m.text(object, "resource"); s != "" { // "&id=12&recordtype=purchaseorder"
		if q, err := url.ParseQuery(strings.TrimLeft(s, "?&")); err == nil {
			if form, err := m.form(q); err == nil {
				m.values[m.get(form, "resource")].kind = 0 // not a form in a form in a form
				in = append(in, form)
			}
		}
	}
	return in
}

// maxWord is longer than any name of a type or event; it bounds the search.
const maxWord = 80

// typeIn reads a type, alone or in front of an event: "vendor_bill",
// "vendorbill.updated", "PO_READY". The longest type wins.
func typeIn(s string) RecordType {
	if len(s) > maxWord {
		return ""
	}
	for end := len(s); end > 0; end = strings.LastIndexAny(s[:end], "._:") {
		if t := typeNamed(s[:end]); t != "" {
			return t
		}
	}
	return ""
}

// typeNamed reads the spellings of our record types; "" for others.
func typeNamed(s string) RecordType {
	switch string(lower(new(word), s, " _-")) {
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
	switch string(lower(new(word), s[strings.LastIndexAny(s, "._: ")+1:], "")) {
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

// word has room for each key, type and kind that we know.
type word [16]byte

// lower writes s in lower case into w, without some characters. It is empty
// for what is none of our words: what is too long, or not of ASCII.
func lower(w *word, s, without string) []byte {
	out := w[:0]
	for _, c := range s {
		switch c = unicode.ToLower(c); {
		case c >= utf8.RuneSelf:
			return nil
		case strings.ContainsRune(without, c):
		case len(out) == len(w):
			return nil
		default:
			out = utf8.AppendRune(out, c)
		}
	}
	return out
}
