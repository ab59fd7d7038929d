// Package distributor is an invented company, Cascade Trail Supply, with the
// vendors, purchase orders, receipts, bills and a return of one month. It fills the two
// simulators with the same world, for the demo, for `simulate` and for the
// end-to-end tests, and says what must have become of each record.
//
//	company.go   the data, as a clerk would say it: positive amounts, PO numbers
//	load.go      into the simulators
//	books.go     the books of both systems, read from them; tieout.go sets them side by side
//	expect.go    what must have become of each record
package distributor

// Account of NetSuite's chart, with the Cin7 code that its lines must end up
// on; "" when the Cin7 chart has no account for it.
type Account struct {
	ID                 int64
	Number, Name, Type string
	Cin7               string
}

// The accounts, and how each finds its Cin7 account: by mapping, by code, by
// display name, by name, or not at all.
var (
	inventory = Account{111, "1200", "Inventory Asset", "OthCurrAsset", "1200"}       // code
	taxPaid   = Account{112, "1370", "Tax Paid on Purchases", "OthCurrAsset", "1370"} // the tax rule's account
	payable   = Account{121, "2000", "Accounts Payable", "AcctPay", "2000"}           // system account
	freightIn = Account{151, "5100", "Freight In", "COGS", "5100"}                    // code
	office    = Account{161, "6100", "Office Supplies", "Expense", "429"}             // mapping
	rent      = Account{162, "6200", "Warehouse Rent", "Expense", "465"}              // name
	software  = Account{163, "6300", "Software Subscriptions", "Expense", "470"}      // display name
	penalties = Account{169, "6990", "Sundry Penalties", "Expense", ""}               // unmapped: parks
	accounts  = []Account{inventory, taxPaid, payable, freightIn, office, rent, software, penalties}
)

// Item is bought and stocked; Service items are expenses named in Cin7.
type Item struct {
	ID        int64
	SKU, Name string
}

var (
	webbing  = Item{2001, "WEB-25-BLK", "Nylon webbing 25 mm black, metre"}
	buckle   = Item{2002, "BKL-25-ACT", "Acetal buckle 25 mm"}
	cordura  = Item{2003, "COR-500-OLV", "Cordura 500D olive, metre"}
	zipper   = Item{2004, "ZIP-10-YKK", "Zipper #10 coil, metre"}
	thread   = Item{2005, "THR-V92", "Bonded thread V92, spool"}
	tentPole = Item{2006, "POL-DAC-9", "Aluminium pole section 9 mm"}
	stove    = Item{2007, "STV-MICRO", "Micro stove"}
	gasCan   = Item{2008, "GAS-230", "Gas canister 230 g"}
	items    = []Item{webbing, buckle, cordura, zipper, thread, tentPole, stove, gasCan}
)

// Vendor of the company.
type Vendor struct {
	ID                           int64
	EntityID, Company            string
	First, Last                  string // of a person
	Currency, Terms              string
	Email, Phone                 string
	Line1, City, State, Zip, Cty string
	Inactive                     bool
	People                       []Person
}

// Person is a contact of a vendor; the first is the one that the vendor names.
type Person struct {
	ID                 int64
	First, Last, Title string
	Email, Mobile      string
	Left               bool // inactive: Cin7 must not get them
}

var (
	cascade = Vendor{ID: 301, EntityID: "V-1001", Company: "Cascade Webbing Co", Currency: "USD", Terms: "Net 30", Email: "orders@cascadewebbing.example", Phone: "+1 541 555 0101", Line1: "88 Mill Road", City: "Bend", State: "OR", Zip: "97701", Cty: "US",
		People: []Person{{ID: 351, First: "Anna", Last: "Berg", Title: "Sales", Email: "anna@cascadewebbing.example", Mobile: "+1 541 555 0177"},
			{ID: 352, First: "Bo", Last: "Dahl", Title: "Dispatch", Email: "bo@cascadewebbing.example"}, {ID: 353, First: "Cleo", Last: "Marsh", Email: "cleo@cascadewebbing.example", Left: true}}}
	pacific  = Vendor{ID: 302, EntityID: "V-1002", Company: "Pacific Hardware Supply", Currency: "USD", Terms: "Net 60", Email: "ap@pacifichardware.example", Line1: "4 Harbor Way", City: "Oakland", State: "CA", Zip: "94607", Cty: "US"}
	alpen    = Vendor{ID: 303, EntityID: "V-1003", Company: "Alpenstoff Textil GmbH", Currency: "EUR", Terms: "Net 30", Email: "verkauf@alpenstoff.example", Line1: "Weberstrasse 7", City: "Kempten", Zip: "87435", Cty: "DE"}
	summit   = Vendor{ID: 304, EntityID: "V-1004", Company: "Summit Gear Imports", Currency: "USD", Terms: "Net 30", Phone: "+1 206 555 0144", Line1: "1200 Rainier Ave", City: "Seattle", State: "WA", Zip: "98144", Cty: "US"}
	maria    = Vendor{ID: 305, EntityID: "V-1005", First: "Maria", Last: "Lindqvist", Currency: "USD", Terms: "", Email: "maria@example.org", Line1: "19 Fir Lane", City: "Hood River", State: "OR", Zip: "97031", Cty: "US"}
	landlord = Vendor{ID: 306, EntityID: "V-1006", Company: "Basin Property Trust", Currency: "USD", Terms: "Due on receipt", Line1: "2 Canal St", City: "Portland", State: "OR", Zip: "97209", Cty: "US"}
	dormant  = Vendor{ID: 307, EntityID: "V-1007", Company: "Old Trail Outfitters", Currency: "USD", Terms: "Net 30", Line1: "5 Depot Rd", City: "Boise", State: "ID", Zip: "83702", Cty: "US", Inactive: true}
	vendors  = []Vendor{cascade, pacific, alpen, summit, maria, landlord, dormant}
)

// Line of an order and of its bill. Account is the expense account of a line
// without an item.
type Line struct {
	Item     Item
	Account  Account
	Memo     string
	Quantity string
	Amount   string // document currency, without tax
}

// Order is a PO with what came of it. Dates are calendar dates; "" means that
// it has not happened.
type Order struct {
	ID                 int64
	Number             string
	Vendor             Vendor
	Date               string
	Rate               string // base units per document unit
	Tax                string
	Lines              []Line
	Pending            bool   // not approved yet
	ReceiptID          int64  // the whole order was received
	Received           string // on
	BillID             int64  // the whole order was billed
	BillNumber, Billed string
	Live               bool   // happens while the service runs, told by webhooks; else found by the poller
	Stage              string // where the purchase must end with approach INVOICE
	BillParks          string // reason for which the bill must be parked
	Parts              []Part // what came and was billed in parts, instead of as a whole
}

// Part is a part delivery with its bill. Lines are in the order of the order's.
type Part struct {
	ReceiptID          int64
	Received           string
	BillID             int64
	BillNumber, Billed string
	Lines              []Line
}

// Return is goods that went back to a vendor, credited against a bill.
type Return struct {
	ID           int64
	Number, Date string
	Vendor       Vendor
	BillID       int64
	Tax          string
	Lines        []Line
	Stage        string // where the purchase of the bill ends
}

// returned is the vendor credit of the month.
var returned = Return{ID: 7001, Number: "CW-CM-207", Date: "2026-11-24", Vendor: cascade, BillID: 6010, Tax: "4.80", Stage: "DONE",
	Lines: []Line{{Item: webbing, Memo: "wrong colour", Quantity: "20", Amount: "48.00"}}}

// orders is the month. Totals are meant to be checked by hand: 100 x 2.40 and so on.
var orders = []Order{
	{ID: 4001, Number: "PO1041", Vendor: cascade, Date: "2026-11-02", Rate: "1", Tax: "27.60", ReceiptID: 5001, Received: "2026-11-05", BillID: 6001, BillNumber: "CW-88121", Billed: "2026-11-06", Stage: "DONE",
		Lines: []Line{{Item: webbing, Quantity: "100", Amount: "240.00"}, {Item: buckle, Quantity: "50", Amount: "36.00"}}},
	{ID: 4002, Number: "PO1042", Vendor: cascade, Date: "2026-11-03", Rate: "1", Tax: "30.00", ReceiptID: 5002, Received: "2026-11-06", BillID: 6002, BillNumber: "CW-88140", Billed: "2026-11-06", Stage: "DONE",
		Lines: []Line{{Item: webbing, Quantity: "100", Amount: "240.00"}, {Account: freightIn, Memo: "inbound freight", Amount: "60.00"}}},
	{ID: 4003, Number: "PO1043", Vendor: pacific, Date: "2026-11-03", Rate: "1", Tax: "10.00", ReceiptID: 5003, Received: "2026-11-09", BillID: 6003, BillNumber: "PHS-5520", Billed: "2026-11-10", Stage: "DONE",
		Lines: []Line{{Item: buckle, Quantity: "3", Amount: "100.00"}}},
	{ID: 4004, Number: "PO1044", Vendor: alpen, Date: "2026-11-04", Rate: "1.0875", Tax: "0.00", ReceiptID: 5004, Received: "2026-11-16", BillID: 6004, BillNumber: "RE-2026-0917", Billed: "2026-11-12", Stage: "DONE",
		Lines: []Line{{Item: cordura, Quantity: "200", Amount: "2580.00"}, {Account: freightIn, Memo: "Fracht", Amount: "145.50"}}},
	{ID: 4005, Number: "PO1045", Vendor: summit, Date: "2026-11-05", Rate: "1", Tax: "112.45", ReceiptID: 5005, Received: "2026-11-11", BillID: 6005, BillNumber: "SGI-20077", Billed: "2026-11-13", Stage: "DONE",
		Lines: []Line{{Item: stove, Quantity: "25", Amount: "874.75"}, {Item: gasCan, Quantity: "50", Amount: "249.75"}}},
	{ID: 4006, Number: "PO1046", Vendor: maria, Date: "2026-11-06", Rate: "1", Tax: "0.00", ReceiptID: 5006, Received: "2026-11-10", BillID: 6006, BillNumber: "ML-14", Billed: "2026-11-10", Stage: "DONE",
		Lines: []Line{{Item: thread, Quantity: "12", Amount: "155.88"}}},
	{ID: 4007, Number: "PO1047", Vendor: pacific, Date: "2026-11-09", Rate: "1", Tax: "8.64", ReceiptID: 5007, Received: "2026-11-13", BillID: 6007, BillNumber: "PHS-5561", Billed: "2026-11-16", Live: true, Stage: "DONE",
		Lines: []Line{{Item: zipper, Quantity: "40", Amount: "86.40"}}},
	{ID: 4008, Number: "PO1048", Vendor: alpen, Date: "2026-11-10", Rate: "1.0912", Tax: "0.00", ReceiptID: 5008, Received: "2026-11-19", BillID: 6008, BillNumber: "RE-2026-0944", Billed: "2026-11-18", Live: true, Stage: "DONE",
		Lines: []Line{{Item: cordura, Quantity: "37.5", Amount: "483.75"}, {Item: zipper, Quantity: "120", Amount: "259.20"}}},
	{ID: 4009, Number: "PO1049", Vendor: summit, Date: "2026-11-11", Rate: "1", Tax: "61.83", ReceiptID: 5009, Received: "2026-11-17", BillID: 6009, BillNumber: "SGI-20131", Billed: "2026-11-17", Live: true, Stage: "DONE",
		Lines: []Line{{Item: tentPole, Quantity: "144", Amount: "518.40"}, {Account: office, Memo: "sample binders", Amount: "24.95"}, {Account: software, Memo: "drawing licence", Amount: "74.95"}}},
	{ID: 4010, Number: "PO1050", Vendor: cascade, Date: "2026-11-12", Rate: "1", Tax: "72.00", ReceiptID: 5010, Received: "2026-11-18", BillID: 6010, BillNumber: "CW-88190", Billed: "2026-11-19", Live: true, Stage: "DONE",
		Lines: []Line{{Item: webbing, Quantity: "300", Amount: "720.00"}}},
	{ID: 4011, Number: "PO1051", Vendor: summit, Date: "2026-11-13", Rate: "1", Tax: "0.00", BillID: 6011, BillNumber: "SGI-20140", Billed: "2026-11-18", Live: true, Stage: "ORDER", BillParks: "unmapped_account",
		Lines: []Line{{Item: gasCan, Quantity: "20", Amount: "99.90"}, {Account: penalties, Memo: "late booking fee", Amount: "35.00"}}},
	{ID: 4012, Number: "PO1052", Vendor: pacific, Date: "2026-11-16", Rate: "1", Tax: "3.60", Live: true, Stage: "ORDER",
		Lines: []Line{{Item: buckle, Quantity: "50", Amount: "36.00"}}},
	{ID: 4013, Number: "PO1053", Vendor: maria, Date: "2026-11-17", Rate: "1", Tax: "0.00", Pending: true,
		Lines: []Line{{Item: thread, Quantity: "24", Amount: "311.76"}}},
	{ID: 4014, Number: "PO1054", Vendor: alpen, Date: "2026-11-17", Rate: "1.0912", Tax: "0.00", Live: true, Stage: "DONE",
		Lines: []Line{{Item: cordura, Quantity: "300", Amount: "3870.00"}},
		Parts: []Part{
			{ReceiptID: 5014, Received: "2026-11-20", BillID: 6014, BillNumber: "RE-2026-0961", Billed: "2026-11-20", Lines: []Line{{Item: cordura, Quantity: "180", Amount: "2322.00"}}},
			{ReceiptID: 5015, Received: "2026-11-23", BillID: 6015, BillNumber: "RE-2026-0970", Billed: "2026-11-24", Lines: []Line{{Item: cordura, Quantity: "120", Amount: "1548.00"}}},
		}},
}

// Loose is a bill without a purchase order: the rent.
type Loose struct {
	ID     int64
	Number string
	Vendor Vendor
	Date   string
	Lines  []Line
}

var loose = Loose{ID: 6012, Number: "RENT-2026-11", Vendor: landlord, Date: "2026-11-02",
	Lines: []Line{{Account: rent, Memo: "November, hall 3", Amount: "4200.00"}}}
