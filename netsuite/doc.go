// Package netsuite reads one Oracle NetSuite account: an access token by
// OAuth 2.0 machine-to-machine, records by SuiteQL, and event bodies as
// customers' scripts send them. It never writes to NetSuite.
//
//	private key --sign--> assertion --POST--> token (60 minutes, renewed after 50)
//	                                            |
//	ids, watermark --> SELECT, Prefer: transient, keyset pages --> rows --> Vendor, PurchaseOrder, Receipt, Bill
//
// Sections named "contract" are those of the NetSuite contract that the
// project was built from; docs/netsuite.md retells what matters to users.
package netsuite
