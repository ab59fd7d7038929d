package netsuitetest

// schemaText is contract 3 as a list: table, then column:kind. The kinds are
// I integer id, S text, N number, B T/F, D date, T date-time.
const schemaText = `
dual dummy:S
vendor id:I entityid:S entitynumber:I entitytitle:S altname:S companyname:S legalname:S isperson:B firstname:S middlename:S lastname:S printoncheckas:S isinactive:B email:S altemail:S phone:S altphone:S fax:S homephone:S mobilephone:S url:S comments:S accountnumber:S externalid:S currency:I terms:I category:I expenseaccount:I payablesaccount:I incoterm:I creditlimit:N balance:N balanceprimary:N defaultbillingaddress:I defaultshippingaddress:I contact:I contactlist:S datecreated:T lastmodifieddate:T duplicate:B taxidnum:S subsidiary:I
vendoraddressbook internalid:I entity:I addressbookaddress:I defaultbilling:B defaultshipping:B label:S
vendoraddressbookentityaddress nkey:I addressee:S attention:S addr1:S addr2:S addr3:S city:S state:S dropdownstate:S zip:S country:S addrphone:S addrtext:S override:B recordowner:I lastmodifieddate:T
vendorsubsidiaryrelationship id:I entity:I subsidiary:I
contact id:I entityid:S firstname:S lastname:S title:S email:S phone:S mobilephone:S company:I isinactive:B lastmodifieddate:T
transaction id:I type:S recordtype:S tranid:S transactionnumber:S status:S approvalstatus:I entity:I trandate:D duedate:D closedate:D shipdate:D postingperiod:I currency:I exchangerate:N foreigntotal:N foreignamountpaid:N foreignamountunpaid:N terms:I memo:S otherrefnum:S externalid:S posting:B voided:B void:B paymenthold:B isreversal:B billingaddress:I shippingaddress:I employee:I createdby:I lastmodifiedby:I createddate:T lastmodifieddate:T
transactionline transaction:I id:I uniquekey:I linesequencenumber:I mainline:B taxline:B iscogs:B donotdisplayline:B item:I memo:S quantity:N units:I rate:N rateamount:N ratepercent:N foreignamount:N netamount:N quantityshiprecv:N quantitybilled:N quantityrejected:N isclosed:B isfullyshipped:B matchbilltoreceipt:B isbillable:B isinventoryaffecting:B hascostline:B kitcomponent:B assemblycomponent:B accountinglinetype:S transactionlinetype:S expenseaccount:I category:I createdfrom:I entity:I subsidiary:I location:I department:I class:I expectedreceiptdate:D actualshipdate:D closedate:D linecreateddate:T linelastmodifieddate:T
transactionaccountingline transaction:I transactionline:I accountingbook:I account:I debit:N credit:N amount:N netamount:N exchangerate:N posting:B amountpaid:N amountunpaid:N amountlinked:N
account id:I acctnumber:S accountsearchdisplayname:S accountsearchdisplaynamecopy:S displaynamewithhierarchy:S description:S accttype:S isinactive:B issummary:B parent:I subsidiary:S includechildren:B currency:I eliminate:B externalid:S
item id:I itemid:S displayname:S fullname:S itemtype:S description:S purchasedescription:S upccode:S vendorname:S isinactive:B assetaccount:I expenseaccount:I stockunit:I purchaseunit:I unitstype:I externalid:S lastmodifieddate:T
unitstype id:I name:S
unitstypeuom unitstype:I internalid:I unitname:S conversionrate:N baseunit:B
currency id:I symbol:S name:S displaysymbol:S exchangerate:N currencyprecision:I isbasecurrency:B isinactive:B
subsidiary id:I name:S fullname:S legalname:S country:S currency:I parent:I iselimination:B isinactive:B
location id:I name:S fullname:S isinactive:B subsidiary:I
term id:I name:S daysuntilnetdue:I discountpercent:N daysuntilexpiry:I isinactive:B
transactionstatus id:S trantype:S name:S fullname:S
approvalstatus id:I name:S
nexttransactionlinelink previousdoc:I previousline:I nextdoc:I nextline:I linktype:S foreignamount:N previoustype:S
previoustransactionlinelink previousdoc:I previousline:I nextdoc:I nextline:I linktype:S foreignamount:N nexttype:S
nexttransactionlink previousdoc:I nextdoc:I linktype:S foreignamount:N previoustype:S
previoustransactionlink previousdoc:I nextdoc:I linktype:S foreignamount:N nexttype:S
deletedrecord recordid:I recordtypeid:I type:S name:S scriptid:S context:S deletedby:I deleteddate:T iscustomrecord:B iscustomlist:B iscustomtransaction:B
`

// alsoAs are tables with a second name (contract 3.1, the generic address pair).
const alsoAs = `
entityaddressbook vendoraddressbook
entityaddress vendoraddressbookentityaddress
transactionbillingaddress vendoraddressbookentityaddress
transactionshippingaddress vendoraddressbookentityaddress
`

// indexText keeps large worlds quick: table, then the columns of one index.
const indexText = `
vendor id
vendoraddressbook entity
contact company id
vendoraddressbookentityaddress nkey
transaction id
transaction type id
transaction type lastmodifieddate
transactionline transaction id
transactionline createdfrom
transactionline linelastmodifieddate
transactionaccountingline transaction transactionline
account id
item id
currency id
term id
nexttransactionlinelink previousdoc
nexttransactionlinelink nextdoc
previoustransactionlinelink nextdoc
previoustransactionlinelink previousdoc
nexttransactionlink nextdoc
nexttransactionlink previousdoc
previoustransactionlink nextdoc
previoustransactionlink previousdoc
deletedrecord deleteddate
`

// notExposed are columns that exist in NetSuite but that SuiteQL over REST
// refuses, which contract 3.2 to 3.4 warns of.
const notExposed = `transaction.createdfrom transaction.total transactionline.itemtype account.fullname account.lastmodifieddate`

// displayText says what BUILTIN.DF of a column is; %s is the row's alias. The
// entity carries its number as prefix, the currency its name and not its code
// (contract 3.4, 7).
const displayText = `
vendor.terms|SELECT x.name FROM term x WHERE x.id = %s.terms
vendor.currency|SELECT x.name FROM currency x WHERE x.id = %s.currency
vendor.expenseaccount|SELECT COALESCE(x.acctnumber || ' ', '') || x.accountsearchdisplayname FROM account x WHERE x.id = %s.expenseaccount
vendor.subsidiary|SELECT x.name FROM subsidiary x WHERE x.id = %s.subsidiary
transaction.terms|SELECT x.name FROM term x WHERE x.id = %s.terms
transaction.currency|SELECT x.name FROM currency x WHERE x.id = %s.currency
transaction.entity|SELECT x.entityid || COALESCE(' ' || x.companyname, ' ' || x.altname, '') FROM vendor x WHERE x.id = %s.entity
transaction.approvalstatus|SELECT x.name FROM approvalstatus x WHERE x.id = %s.approvalstatus
transaction.status|SELECT x.fullname FROM transactionstatus x WHERE x.id = %[1]s.status AND x.trantype = %[1]s.type
transactionline.item|SELECT x.itemid FROM item x WHERE x.id = %s.item
transactionline.entity|SELECT x.entityid || COALESCE(' ' || x.companyname, ' ' || x.altname, '') FROM vendor x WHERE x.id = %s.entity
transactionline.subsidiary|SELECT x.name FROM subsidiary x WHERE x.id = %s.subsidiary
transactionline.location|SELECT x.name FROM location x WHERE x.id = %s.location
transactionline.units|SELECT x.unitname FROM unitstypeuom x WHERE x.internalid = %s.units
transactionline.expenseaccount|SELECT COALESCE(x.acctnumber || ' ', '') || x.accountsearchdisplayname FROM account x WHERE x.id = %s.expenseaccount
transactionline.createdfrom|SELECT COALESCE(x.tranid, x.transactionnumber) FROM "transaction" x WHERE x.id = %s.createdfrom
transactionaccountingline.account|SELECT COALESCE(x.acctnumber || ' ', '') || x.accountsearchdisplayname FROM account x WHERE x.id = %s.account
item.stockunit|SELECT x.unitname FROM unitstypeuom x WHERE x.internalid = %s.stockunit
item.purchaseunit|SELECT x.unitname FROM unitstypeuom x WHERE x.internalid = %s.purchaseunit
`
