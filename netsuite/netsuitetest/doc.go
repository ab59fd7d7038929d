// Package netsuitetest is a NetSuite account in memory, as awkward as the real
// one. It serves the token endpoint and SuiteQL over HTTP, executes the
// statements that it is sent, and posts webhooks like a customer's script.
// It is written from the contract alone and imports nothing of the client, so
// that each of the two checks how the other reads it.
//
//	Put*, Delete, Exec        what people do in NetSuite
//	      |
//	      v
//	  the model  ---->  tables of contract 3 in SQLite  <----  SuiteQL  <----  HTTP
//	      |             (signs, links, ledger, stamps)         lex.go
//	      v                                                    scope.go    names checked
//	  webhooks                                                 rewrite.go  Oracle -> SQLite
//	                                                           funcs.go    the functions
//
// Amounts and quantities are said as a person would say them: positive, in the
// document's currency. The rows follow contract 3.6: the header of an order or
// bill is negative, its lines positive, a credit the other way round.
//
// Inside the database a date-time is the text "@" + UTC with microseconds, and
// a date is midnight in the session zone, so that text order is time order.
// What leaves goes through TO_CHAR, or shows as M/D/YYYY without the time
// (contract 4.1).
//
// Known to be kinder than the real one: || with a null gives null instead of
// the other operand, (+) joins and arithmetic on dates are refused, and a
// statement is never too slow. The record API (contract 6) is not served: it
// answers 404.
package netsuitetest
