package document

// Finder finds a set of texts in others, all of them at once and in time that is
// linear in the text that is searched, whatever the texts are made of:
// Aho and Corasick, https://doi.org/10.1145/360825.360855. Safe for concurrent use.
type Finder struct {
	nodes []finderNode
	first [256]int32 // children of the root, which most of a text leads to
}

// finderNode is the state behind one more byte of a text. 0, the root, is none.
type finderNode struct {
	next, child int32 // the other states of the parent, the first that follows
	fail        int32 // the longest proper suffix that is a state
	depth       int32
	found       int32 // the length of the longest text that ends here, or 0
	char        byte
}

// NewFinder returns a finder of texts; empty ones are left out. It takes about 24 bytes
// of memory for each byte of them.
func NewFinder(texts []string) *Finder {
	f := &Finder{nodes: make([]finderNode, 1)}
	for _, text := range texts {
		at := int32(0)
		for i := range len(text) {
			next := f.child(at, text[i])
			if next == 0 {
				next = f.add(at, text[i])
			}
			at = next
		}
		f.nodes[at].found = f.nodes[at].depth
	}
	f.link()
	return f
}

func (f *Finder) add(at int32, char byte) int32 {
	id := int32(len(f.nodes)) //nolint:gosec // callers bound what they look for
	f.nodes = append(f.nodes, finderNode{next: f.nodes[at].child, depth: f.nodes[at].depth + 1, char: char})
	f.nodes[at].child = id
	if at == 0 {
		f.first[char] = id
	}
	return id
}

func (f *Finder) child(at int32, char byte) int32 {
	if at == 0 {
		return f.first[char]
	}
	for c := f.nodes[at].child; c != 0; c = f.nodes[c].next {
		if f.nodes[c].char == char {
			return c
		}
	}
	return 0
}

// link sets where a state goes on when no byte of it follows, the shortest states first.
func (f *Finder) link() {
	queue := make([]int32, 0, len(f.nodes))
	for c := f.nodes[0].child; c != 0; c = f.nodes[c].next {
		queue = append(queue, c)
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for c := f.nodes[at].child; c != 0; c = f.nodes[c].next {
			n := &f.nodes[c]
			n.fail = f.step(f.nodes[at].fail, n.char)
			if n.found == 0 {
				n.found = f.nodes[n.fail].found
			}
			queue = append(queue, c)
		}
	}
}

func (f *Finder) step(at int32, char byte) int32 {
	for {
		if next := f.child(at, char); next != 0 || at == 0 {
			return next
		}
		at = f.nodes[at].fail
	}
}

// Find returns where the texts stand in s, in order. Those that overlap are one range.
func (f *Finder) Find(s string) []Range {
	var list []Range
	at := int32(0)
	for i := range len(s) {
		at = f.step(at, s[i])
		if f.nodes[at].found == 0 {
			continue
		}
		r := Range{i + 1 - int(f.nodes[at].found), i + 1}
		for n := len(list) - 1; n >= 0 && list[n].End > r.Start; n-- {
			r.Start = min(r.Start, list[n].Start)
			list = list[:n]
		}
		list = append(list, r)
	}
	return list
}
