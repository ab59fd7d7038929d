package handlers

import (
	"testing"

	"github.com/ml-connector/ml-connector/internal/soak"
)

// A model of the create and authorise protocol, explored exhaustively: two
// workers, one record, Cin7. At any point a lease may end, a worker may die, an
// answer may be lost, a request may land late, and Redis may lose everything.
// It is bounded by the number of lease grants and losses: a bounded model, not
// a proof. "A request can still land" is what a quarantine waits out.

// design says which safeguards a model has.
type design struct {
	draft     bool // created as a draft, authorised by a second call on a known id
	lookup    bool // looked up before a create
	intent    bool // an intent is kept before a call, and settled before the next
	again     bool // looked up again before authorising; extra drafts are voided
	gate      bool // the lease is checked right before each request
	wait      bool // quarantine: a look-up is believed when no request can still land
	lossWait  bool // after Redis lost data, creates wait for the quarantine
	fence     bool // writes to Redis by a former holder are refused
	freeze    bool // the process may freeze between gate and request
	voidExtra bool // again voids extra drafts; without: two candidates stop for a person
	fill      bool // a draft is filled by a call of its own; a filled one is never voided, it stops for a person
	listed    bool // look-ups use a list that is as old as the turn, by the rule of purchaselist.go
	believed  bool // without that rule: the list is believed about every record
}

// recommended is the design of write.go, settle.go and candidate.go.
var recommended = design{draft: true, lookup: true, intent: true, again: true, gate: true, wait: true, lossWait: true, fence: true, voidExtra: true}

// The places of a worker.
const (
	pcIdle = iota
	pcSettle
	pcLook
	pcIntent
	pcGate
	pcSend // passed the gate
	pcRecord
	pcFill
	pcFillGate
	pcFillSend
	pcAgain
	pcAuthIntent
	pcAuthGate
	pcAuthSend
	pcFinish
)

// The kinds of open intent.
const (
	noIntent = iota
	createIntent
	authIntent
	fillIntent
)

// The states of an object in Cin7.
const (
	absent = iota
	draft
	final
	void
	filled // a draft with lines
)

const objects = 4

type worker struct {
	pc, fence, obj uint8
	valid          bool          // its lease holds, by its own clock
	old            bool          // it was at work when Redis lost everything
	list           [objects]bool // what Cin7 showed when the turn began
	anew           bool          // look-ups of this turn read Cin7 anew
}

type model struct {
	grants, losses uint8 // left
	next           uint8 // next fence
	fence, holder  uint8 // of the lane in Redis; holder 0 is none
	link, intent   uint8
	done           bool
	lost           bool // Redis lost data, and what was under way may still land
	obj            [objects]uint8
	creates        uint8          // creates on their way whose senders do not wait
	auths          [objects]uint8 // authorisations, likewise
	fills          [objects]uint8
	doubt          bool // a create once had to be looked for
	w              [2]worker
}

func (m *model) underway() bool {
	return m.creates > 0 || m.auths != [objects]uint8{} || m.fills != [objects]uint8{}
}

// create makes an object, the next one.
func (m *model) create(d design) (uint8, bool) {
	for i := range m.obj {
		if m.obj[i] == absent {
			m.obj[i] = draft
			if !d.draft {
				m.obj[i] = final
			}
			return uint8(i + 1), true
		}
	}
	return 0, false // beyond the bound
}

func (m *model) authorise(d design, id uint8) {
	if m.obj[id-1] == filled || m.obj[id-1] == draft && !d.fill { // Cin7 refuses it otherwise
		m.obj[id-1] = final
	}
}

func (m *model) fill(id uint8) {
	if m.obj[id-1] == draft {
		m.obj[id-1] = filled
	}
}

// choose is the rule of candidate.go: the authorised one, else the oldest.
func (m *model) choose() (keep uint8, drafts, finals int) {
	return m.chooseOf([objects]bool{true, true, true, true})
}

// look is what worker i sees when it looks up: Cin7 as it is, or a list.
func (m *model) look(d design, i int) (keep uint8, drafts, finals int, stop bool) {
	w := m.w[i]
	sees := [objects]bool{true, true, true, true}
	if d.listed && (!w.anew && !m.doubt || d.believed) {
		sees = w.list
		if w.obj != 0 {
			sees[w.obj-1] = true // it is read
		}
	}
	keep, drafts, finals = m.chooseOf(sees)
	for j, o := range m.obj {
		stop = stop || sees[j] && o == filled && uint8(j+1) != keep
	}
	return keep, drafts, finals, stop || finals > 1
}

func (m *model) chooseOf(sees [objects]bool) (keep uint8, drafts, finals int) {
	for i, o := range m.obj {
		if !sees[i] {
			continue
		}
		switch o {
		case final:
			finals++
			if finals == 1 {
				keep = uint8(i + 1)
			}
		case draft, filled:
			drafts++
			if keep == 0 {
				keep = uint8(i + 1)
			}
		}
	}
	return keep, drafts, finals
}

// current says whether Redis takes a write of a worker.
func (m *model) current(d design, i int) bool {
	return !d.fence || m.holder == uint8(i+1) && m.fence == m.w[i].fence
}

func (m *model) end(i int) {
	if m.holder == uint8(i+1) && m.fence == m.w[i].fence {
		m.holder = 0
	}
	m.w[i] = worker{}
}

// steps are the states that can follow.
func (m model) steps(d design, emit func(model)) {
	// The world: requests land, the quarantine after a loss ends, Redis fails.
	if m.creates > 0 {
		n := m
		n.creates--
		emit(n) // never arrives
		if _, ok := n.create(d); ok {
			emit(n)
		}
	}
	for i := range m.auths {
		if m.auths[i] > 0 {
			n := m
			n.auths[i]--
			emit(n)
			n.authorise(d, uint8(i+1))
			emit(n)
		}
		if m.fills[i] > 0 {
			n := m
			n.fills[i]--
			emit(n)
			n.fill(uint8(i + 1))
			emit(n)
		}
	}
	if m.lost && !m.underway() && (!m.w[0].old || !m.w[0].valid) && (!m.w[1].old || !m.w[1].valid) {
		n := m
		n.lost = false
		emit(n)
	}
	if m.losses > 0 {
		n := m
		n.losses--
		n.link, n.intent, n.holder, n.fence, n.done, n.lost, n.doubt = 0, noIntent, 0, 0, false, true, false
		for i := range n.w {
			n.w[i].old = n.w[i].pc != pcIdle
		}
		emit(n)
	}
	for i := range m.w {
		m.work(d, i, emit)
	}
}

// work is what worker i can do next, or suffer.
func (m model) work(d design, i int, emit func(model)) {
	w := m.w[i]
	if w.pc == pcIdle {
		if m.holder == 0 && m.grants > 0 && !m.done {
			n := m
			n.grants--
			n.next++
			n.fence, n.holder = n.next, uint8(i+1)
			n.w[i] = worker{pc: pcSettle, fence: n.fence, valid: true}
			if d.listed {
				for j, o := range n.obj {
					n.w[i].list[j] = o != absent
				}
				n.w[i].anew = n.lost
			}
			emit(n)
		}
		return
	}
	n := m
	n.end(i)
	if w.valid { // dies: its lease has to end before another is granted
		n.holder = m.holder
	}
	n.w[i] = worker{}
	if n.holder == uint8(i+1) && n.fence == w.fence {
		n.holder = 0 // which it does
	}
	emit(n)
	if w.valid { // its lease ends
		n := m
		n.w[i].valid = false
		if n.holder == uint8(i+1) && n.fence == w.fence {
			n.holder = 0
		}
		emit(n)
	}
	m.protocol(d, i, emit)
}

// protocol is the next step of worker i in the protocol.
func (m model) protocol(d design, i int, emit func(model)) {
	n := m
	w := &n.w[i]
	to := func(pc uint8) { w.pc = pc; emit(n) }
	give := func() { n.end(i); emit(n) }
	switch w.pc {
	case pcSettle:
		switch {
		case n.intent == noIntent:
			to(pcLook)
		case d.wait && n.underway():
			give() // comes again
		case !n.current(d, i):
			give()
		default:
			if keep, _, _ := n.choose(); n.intent == createIntent && keep != 0 {
				n.link = keep
			}
			if d.listed && n.intent == createIntent {
				n.doubt = true
			}
			n.intent = noIntent
			to(pcLook)
		}
	case pcLook:
		keep, stop := n.link, false
		if keep == 0 && d.lookup {
			keep, _, _, stop = n.look(d, i)
		}
		switch {
		case stop && d.fill:
			give() // for a person
		case keep == 0 && d.lossWait && n.lost:
			give()
		case keep == 0:
			to(pcIntent)
		case !n.current(d, i):
			give()
		default:
			n.link, w.obj = keep, keep
			to(pcFill)
		}
	case pcIntent:
		if !n.current(d, i) {
			give()
			return
		}
		if d.intent {
			n.intent = createIntent
		}
		to(pcGate)
	case pcFill:
		switch {
		case !d.fill || n.obj[w.obj-1] != draft:
			to(pcAgain)
		case !n.current(d, i):
			give()
		default:
			n.intent = fillIntent
			to(pcFillGate)
		}
	case pcGate, pcAuthGate, pcFillGate:
		if d.gate && !w.valid {
			give()
			return
		}
		w.pc++
		if d.freeze {
			emit(n)
			return
		}
		n.send(d, i, emit)
	case pcSend, pcAuthSend, pcFillSend:
		n.send(d, i, emit)
	case pcRecord:
		if !n.current(d, i) {
			give()
			return
		}
		n.link, n.intent = w.obj, noIntent
		to(pcFill)
	case pcAgain:
		n.lookAgain(d, i, emit)
	case pcAuthIntent:
		if !n.current(d, i) {
			give()
			return
		}
		if d.intent {
			n.intent = authIntent
		}
		to(pcAuthGate)
	case pcFinish:
		if !n.current(d, i) {
			give()
			return
		}
		n.intent, n.done = noIntent, true
		give()
	}
}

// send makes the request of worker i: it lands and is answered, lands without
// an answer, lands later, or never.
func (m model) send(d design, i int, emit func(model)) {
	if m.w[i].pc == pcSend {
		n := m
		if id, ok := n.create(d); ok {
			lost := n
			n.w[i].obj, n.w[i].pc = id, pcRecord
			emit(n)
			lost.end(i)
			emit(lost)
		}
		n = m
		n.creates++
		n.end(i)
		emit(n)
		n.creates--
		emit(n)
		return
	}
	id := m.w[i].obj
	n := m
	if m.w[i].pc == pcFillSend {
		n.fill(id)
		lost := n
		if n.current(d, i) {
			n.intent = noIntent
			n.w[i].pc = pcAgain
		} else {
			n.end(i)
		}
		emit(n)
		lost.end(i)
		emit(lost)
		n = m
		n.fills[id-1]++
		n.end(i)
		emit(n)
		return
	}
	n.authorise(d, id)
	lost := n
	n.w[i].pc = pcFinish
	emit(n)
	lost.end(i)
	emit(lost)
	n = m
	n.auths[id-1]++
	n.end(i)
	emit(n)
}

// lookAgain reads the object and its doubles before it is authorised.
func (m model) lookAgain(d design, i int, emit func(model)) {
	n := m
	w := &n.w[i]
	if d.again {
		keep, drafts, finals, stop := n.look(d, i)
		extra := drafts + finals - 1
		switch {
		case finals > 1 || extra > 0 && !d.voidExtra || stop && d.fill:
			n.end(i) // for a person
			emit(n)
			return
		case extra > 0:
			if !n.current(d, i) { // the intent of the void is refused
				n.end(i)
				emit(n)
				return
			}
			for j := range n.obj {
				if n.obj[j] == draft && uint8(j+1) != keep && (!d.listed || n.seen(d, i, j)) {
					n.obj[j] = void
				}
			}
			n.link, w.obj = keep, keep
			emit(n) // and looks again
			return
		case keep != 0:
			w.obj = keep
		}
	}
	if d.fill && n.obj[w.obj-1] != filled && n.obj[w.obj-1] != final {
		w.pc = pcFill
		if n.obj[w.obj-1] != draft {
			n.end(i) // it is void: the next turn sees it
		}
		emit(n)
		return
	}
	w.pc = pcAuthIntent
	if n.obj[w.obj-1] == final {
		w.pc = pcFinish
	}
	emit(n)
}

// seen says whether worker i sees object j when it looks up.
func (m *model) seen(d design, i, j int) bool {
	w := m.w[i]
	return w.anew || m.doubt && !d.believed || w.list[j] || w.obj == uint8(j+1)
}

// findings of a model.
type findings struct {
	states          int
	twice, leftover bool // money twice; a draft is left besides a finished object
	second          bool // a second object was made
}

// explore visits every state that can be reached.
func explore(d design, grants, losses uint8) findings {
	start := model{grants: grants, losses: losses}
	seen := map[model]struct{}{start: {}}
	queue := []model{start}
	var f findings
	for len(queue) > 0 {
		m := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		_, drafts, finals := m.choose()
		f.twice = f.twice || finals > 1
		f.second = f.second || m.obj[1] != absent
		rest := m.w[0].pc == pcIdle && m.w[1].pc == pcIdle && !m.underway()
		f.leftover = f.leftover || rest && m.done && drafts > 0
		m.steps(d, func(n model) {
			if _, ok := seen[n]; !ok {
				seen[n] = struct{}{}
				queue = append(queue, n)
			}
		})
	}
	f.states = len(seen)
	return f
}

// What the model says of the design, of less, and of one-shot writes.
func TestModel(t *testing.T) {
	without := func(change func(*design)) design {
		d := recommended
		change(&d)
		return d
	}
	frozen := without(func(d *design) { d.freeze = true })
	oneShot := without(func(d *design) { d.draft, d.again, d.voidExtra = false, false, false })
	listed := without(func(d *design) { d.fill, d.listed = true, true })
	listedFrozen := without(func(d *design) { d.fill, d.listed, d.freeze = true, true, true })
	cases := []struct {
		name            string
		d               design
		losses          uint8
		twice, leftover bool
		second          bool
	}{
		{"recommended", recommended, 0, false, false, false},
		{"recommended, Redis lost once", recommended, 1, false, false, false},
		{"recommended, freezing between gate and request", frozen, 0, false, true, true},
		{"recommended, freezing, Redis lost twice", frozen, 2, false, true, true},
		{"journal: two drafts stop for a person", without(func(d *design) { d.voidExtra = false }), 1, false, false, false},
		{"supplier: one shot", oneShot, 1, false, false, false},
		{"supplier: one shot, freezing", without(func(d *design) { d.draft, d.again, d.freeze = false, false, true }), 0, true, false, true},
		{"look-ups from a list", listed, 0, false, false, false},
		{"look-ups from a list, Redis lost once", listed, 1, false, false, false},
		{"look-ups from a list, freezing, Redis lost twice", listedFrozen, 2, false, true, true},
		// Each safeguard removed in turn.
		{"look-ups from a list that is always believed", without(func(d *design) { d.fill, d.listed, d.believed = true, true, true }), 1, false, true, true},
		{"without draft, freezing", without(func(d *design) { d.draft, d.freeze = false, true }), 0, true, false, true},
		{"without look-up", without(func(d *design) { d.lookup = false }), 1, false, false, true},
		{"without look-up, and no second one", without(func(d *design) { d.lookup, d.again = false, false }), 1, true, true, true},
		{"without intent", without(func(d *design) { d.intent = false }), 0, false, true, true},
		{"without looking again, freezing, Redis lost once", without(func(d *design) { d.again, d.freeze = false, true }), 1, true, true, true},
		{"without gate", without(func(d *design) { d.gate = false }), 0, false, true, true},
		{"without quarantine", without(func(d *design) { d.wait = false }), 0, false, true, true},
		{"without waiting after a loss", without(func(d *design) { d.lossWait = false }), 1, false, true, true},
		{"without fence", without(func(d *design) { d.fence = false }), 0, false, true, true},
	}
	total, most := 0, 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			grants := soak.N(3, 7)
			if c.d.listed {
				grants = soak.N(2, 4) // what each holder has seen makes many states more
			}
			f := explore(c.d, uint8(grants), c.losses)
			total, most = total+f.states, max(most, f.states)
			t.Logf("%d states, money twice %v, left over %v, second object %v", f.states, f.twice, f.leftover, f.second)
			if f.twice != c.twice {
				t.Errorf("money twice: %v, want %v", f.twice, c.twice)
			}
			if f.leftover != c.leftover {
				t.Errorf("a draft is left over: %v, want %v", f.leftover, c.leftover)
			}
			if f.second != c.second {
				t.Errorf("a second object is made: %v, want %v", f.second, c.second)
			}
		})
	}
	if soak.Long() && most < 1_000_000 {
		t.Errorf("the largest model has %d states, a million was promised", most)
	}
	if !t.Failed() {
		soak.Figure(t, "model of the write protocol", "%d states in %d designs, the largest %d", total, len(cases), most)
	}
}
