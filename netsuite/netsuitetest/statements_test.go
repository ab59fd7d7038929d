package netsuitetest

import "strings"

// statements are those of contract 3.9, letter by letter, with its placeholders.
var statements = map[string]string{
	"a": `SELECT v.id, v.entityid, v.companyname, v.altname, v.legalname, v.isperson, v.firstname, v.lastname,
       v.isinactive, v.email, v.phone, v.fax, v.url, v.accountnumber, v.externalid, v.comments,
       v.terms, BUILTIN.DF(v.terms) AS termsname, v.currency, c.symbol AS currencycode,
       v.expenseaccount, v.defaultbillingaddress, v.defaultshippingaddress,
       TO_CHAR(v.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modifiedat
FROM vendor v LEFT JOIN currency c ON c.id = v.currency
WHERE v.lastmodifieddate >= TO_DATE('{T}', 'YYYY-MM-DD HH24:MI:SS') AND v.id > {LAST}
ORDER BY v.id`,
	"addresses": `SELECT ab.entity AS vendorid, ab.defaultbilling, ab.defaultshipping, ea.nkey, ea.addressee, ea.attention,
       ea.addr1, ea.addr2, ea.addr3, ea.city, ea.state, ea.zip, ea.country, ea.addrphone
FROM vendoraddressbook ab JOIN vendoraddressbookentityaddress ea ON ea.nkey = ab.addressbookaddress
WHERE ab.entity IN ({IDS}) ORDER BY ab.entity, ea.nkey`,
	"b": `SELECT t.id, t.type, t.tranid, t.transactionnumber, t.status, BUILTIN.DF(t.status) AS statustext,
       t.approvalstatus, t.posting, t.voided, t.entity, t.currency, c.symbol AS currencycode, t.exchangerate,
       t.foreigntotal, t.terms, t.memo, t.externalid, ml.subsidiary, ml.location,
       TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, TO_CHAR(t.duedate, 'YYYY-MM-DD') AS duedate,
       TO_CHAR(t.createddate, 'YYYY-MM-DD HH24:MI:SS') AS createdat,
       TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modifiedat
FROM transaction t
LEFT JOIN transactionline ml ON ml.transaction = t.id AND ml.mainline = 'T'
LEFT JOIN currency c ON c.id = t.currency
WHERE t.type = '{TYPE}' AND t.lastmodifieddate >= TO_DATE('{T}', 'YYYY-MM-DD HH24:MI:SS') AND t.id > {LAST}
ORDER BY t.id`,
	"c": `SELECT tl.transaction, tl.id AS lineid, tl.linesequencenumber AS lineno, tl.item, i.itemid AS sku, i.itemtype,
       tl.memo, tl.quantity, tl.units, tl.rate, tl.foreignamount, tl.quantityshiprecv, tl.quantitybilled,
       tl.isclosed, tl.expenseaccount, tl.location, TO_CHAR(tl.expectedreceiptdate, 'YYYY-MM-DD') AS expectedon
FROM transactionline tl LEFT JOIN item i ON i.id = tl.item
WHERE tl.transaction IN ({IDS}) AND tl.mainline = 'F' AND NVL(tl.taxline, 'F') = 'F'
  AND (tl.transaction > {A} OR (tl.transaction = {A} AND tl.id > {B}))
ORDER BY tl.transaction, tl.id`,
	"d": `SELECT tl.transaction, tl.id AS lineid, tl.linesequencenumber AS lineno, tl.taxline, tl.accountinglinetype,
       tl.item, i.itemid AS sku, tl.memo, tl.quantity, tl.rate, tl.foreignamount, tl.createdfrom,
       tal.account, a.acctnumber, a.accountsearchdisplayname AS acctname, a.accttype, a.isinactive AS acctinactive,
       tal.debit, tal.credit, tal.amount AS baseamount, tal.posting
FROM transactionline tl
LEFT JOIN transactionaccountingline tal
       ON tal.transaction = tl.transaction AND tal.transactionline = tl.id AND tal.accountingbook = {BOOK}
LEFT JOIN account a ON a.id = tal.account
LEFT JOIN item i ON i.id = tl.item
WHERE tl.transaction IN ({IDS}) AND tl.mainline = 'F'
  AND (tl.transaction > {A} OR (tl.transaction = {A} AND tl.id > {B}))
ORDER BY tl.transaction, tl.id`,
	"e": `SELECT DISTINCT l.nextdoc, l.nextline, l.previousdoc AS poid, l.previousline AS polineid, l.linktype, po.tranid AS ponumber
FROM previoustransactionlinelink l JOIN transaction po ON po.id = l.previousdoc
WHERE l.nextdoc IN ({IDS}) AND l.linktype = 'OrdBill' AND po.type = 'PurchOrd'
ORDER BY l.nextdoc, l.nextline, l.previousdoc, l.previousline`,
	"f": `SELECT tl.transaction, tl.id AS lineid, tl.item, i.itemid AS sku, i.itemtype, tl.quantity, tl.units, tl.location,
       tl.createdfrom AS poid, po.tranid AS ponumber, l.previousline AS polineid
FROM transactionline tl
LEFT JOIN item i ON i.id = tl.item
LEFT JOIN transaction po ON po.id = tl.createdfrom
LEFT JOIN previoustransactionlinelink l
       ON l.nextdoc = tl.transaction AND l.nextline = tl.id AND l.previousdoc = tl.createdfrom AND l.linktype = 'ShipRcpt'
WHERE tl.transaction IN ({IDS}) AND tl.mainline = 'F' AND tl.item IS NOT NULL
  AND (tl.isinventoryaffecting = 'T' OR (i.itemtype IN ('NonInvtPart', 'Service', 'OthCharge') AND tl.quantity > 0))
  AND (tl.transaction > {A} OR (tl.transaction = {A} AND tl.id > {B}))
ORDER BY tl.transaction, tl.id`,
	"g": `SELECT d.recordid, d.recordtypeid, d.type, d.name, d.context, TO_CHAR(d.deleteddate, 'YYYY-MM-DD HH24:MI:SS') AS deletedat
FROM deletedrecord d WHERE d.deleteddate >= TO_DATE('{T}', 'YYYY-MM-DD HH24:MI:SS') ORDER BY d.deleteddate, d.recordid`,
	"j": `SELECT TO_CHAR(MAX(t.lastmodifieddate), 'YYYY-MM-DD HH24:MI:SS') AS hw FROM transaction t WHERE t.type = '{TYPE}'`,
	"h": `SELECT id, type, recordtype FROM transaction WHERE id = {ID}`,
}

// statement fills the placeholders: pairs of name and value. What is not given
// means everything.
func statement(name string, pairs ...string) string {
	all := append(pairs, "{T}", "2000-01-01 00:00:00", "{LAST}", "0", "{A}", "0", "{B}", "0", "{BOOK}", "1")
	return strings.NewReplacer(all...).Replace(statements[name])
}
