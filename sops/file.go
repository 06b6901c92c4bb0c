package sops

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/logging"
	"github.com/sirupsen/logrus"
	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/compose-secure/compose-secure/secret"
)

// File is a SOPS file that was read and understood, not yet decrypted. It is
// safe for concurrent use.
type File struct {
	path    string
	format  Format
	entries []Entry
	// tree is encrypted until decryption starts, and owned by it from then on.
	// The second pointer keeps its values from every verb of fmt: %s of a
	// struct follows the pointers in it once.
	tree       **sops.Tree
	identities *identities
	prompt     *sync.Mutex

	start sync.Once
	done  chan struct{} // closed when plain and err are set
	plain *Plain
	err   error
}

// Entry is one leaf of a SOPS file.
type Entry struct {
	Key       []string // path from the top; list elements by their number
	Encrypted bool     // SOPS encrypted it, so it is a secret
	Plain     string   // the text of a leaf that is not encrypted
	Line      int      // 1-based line of an encrypted leaf, 0 if not known
}

// Inspect reads data, the content of path, without any key. It returns
// (nil, nil) when data is not a SOPS file. A file with SOPS values that has no
// usable metadata gives ErrDamaged, one of a later SOPS ErrVersion.
func Inspect(path string, data []byte) (*File, error) {
	if !bytes.Contains(data, []byte(secret.SOPSMark)) {
		return nil, nil
	}
	format, ok := detectFormat(path, data)
	if !ok {
		return nil, damaged(path, "it has encrypted values but no SOPS metadata")
	}
	f := &File{path: path, format: format, identities: &identities{}, prompt: &sync.Mutex{}, done: make(chan struct{})}
	silence()
	if err := f.load(data); err != nil {
		return nil, err
	}
	return f, nil
}

// silence keeps the library from logging comments of a file and names of keys
// to stderr. What ends the process (its audit log) must still say so. Every File
// goes through Inspect, so that nothing of one is decrypted before.
func silence() { logging.SetLevel(logrus.FatalLevel) }

// Path returns the path that was given to Inspect.
func (f *File) Path() string { return f.path }

// Format returns the format the content is in.
func (f *File) Format() Format { return f.format }

// Whole reports whether the file is one value without keys (binary format).
func (f *File) Whole() bool { return f.format == Binary }

// Entries returns the leaves in the order of the file, without comments. A
// binary file has none; of several YAML documents only the first counts, as
// with `sops decrypt --extract`. SOPS does not encrypt an empty string.
func (f *File) Entries() []Entry { return f.entries }

// load parses data and fills in what Entries and Decrypt need.
func (f *File) load(data []byte) (err error) {
	// The library panics on some malformed input; the panic may hold content.
	defer func() {
		if recover() != nil {
			err = damaged(f.path, "it cannot be parsed as "+string(f.format))
		}
	}()
	if err := f.precheck(data); err != nil {
		return err
	}
	if f.format == Dotenv {
		data = unixLines(data)
	}
	// The cause is dropped: it quotes lines of the file.
	tree, err := f.format.store(config.NewStoresConfig()).LoadEncryptedFile(data)
	if err != nil {
		return damaged(f.path, "its content or SOPS metadata cannot be read as "+string(f.format))
	}
	if major, _, _ := strings.Cut(tree.Metadata.Version, "."); len(major) > 1 || major > "3" {
		return fmt.Errorf("%q: %w %.20q: this program reads files of SOPS 3", f.path, ErrVersion, tree.Metadata.Version)
	}
	if tree.Metadata.MessageAuthenticationCode == "" || len(tree.Branches) == 0 {
		return damaged(f.path, "its SOPS metadata has no MAC")
	}
	if f.format == JSON && formatOfName(f.path) != JSON && isBinary(tree.Branches[0]) {
		f.format = Binary
	}
	p := &tree
	f.tree = &p
	if !f.Whole() {
		l := leaves{file: f, lines: lineFinder{data: data, line: 1}}
		l.branch(nil, tree.Branches[0])
		f.entries = l.entries
	}
	return nil
}

// precheck refuses nesting that would exhaust the stack in the library, which
// a recover could not catch.
func (f *File) precheck(data []byte) error {
	switch f.format {
	case JSON:
		// Valid bounds the depth.
		if !stdjson.Valid(data) {
			return damaged(f.path, "it cannot be parsed as json")
		}
		if jsonDepth(data) > maxDepth {
			return tooDeep(f.path)
		}
	case YAML:
		// The library follows an alias to its own parent without end where it does not decode it: below a
		// null key, and after the first document. SOPS itself writes none.
		deep := mayNestDeeper(data)
		if !deep && !bytes.Contains(data, []byte("*")) && !hasLine(data, "---") && !hasLine(data, "...") {
			return nil
		}
		d := yamlv3.NewDecoder(bytes.NewReader(data))
		for i := 0; ; i++ {
			var doc yamlv3.Node
			if d.Decode(&doc) != nil {
				return nil // the end, or an error that the library meets as well
			}
			if deep && isDeeper(&doc, maxDepth+1) { // the document itself is a level
				return tooDeep(f.path)
			}
			if i > 0 && hasAlias(&doc) {
				return damaged(f.path, "it has a YAML alias after the first document")
			}
			if nodes, ends := (&aliases{known: map[*yamlv3.Node]int{}}).count(&doc); !ends || nodes > maxNodes {
				return damaged(f.path, fmt.Sprintf("its YAML aliases stand for more than %d nodes", maxNodes))
			}
		}
	}
	return nil
}

func tooDeep(path string) error {
	return damaged(path, fmt.Sprintf("it nests deeper than %d levels", maxDepth))
}

// isDeeper reports whether more than levels mappings and lists stand in each other.
func isDeeper(n *yamlv3.Node, levels int) bool {
	if len(n.Content) > 0 && levels == 0 {
		return true
	}
	for _, c := range n.Content {
		if isDeeper(c, levels-1) {
			return true
		}
	}
	return false
}

func hasAlias(n *yamlv3.Node) bool {
	if n.Kind == yamlv3.AliasNode {
		return true
	}
	for _, c := range n.Content {
		if hasAlias(c) {
			return true
		}
	}
	return false
}

// isBinary reports whether a JSON file is the envelope of the binary format.
func isBinary(b sops.TreeBranch) bool {
	if len(b) != 1 || b[0].Key != "data" {
		return false
	}
	_, ok := b[0].Value.(string)
	return ok
}

// leaves collects the entries of a tree that is still encrypted.
type leaves struct {
	file    *File
	lines   lineFinder
	entries []Entry
}

func (l *leaves) branch(at []string, b sops.TreeBranch) {
	for _, item := range b {
		if key, ok := item.Key.(string); ok {
			if l.file.format == Dotenv {
				key = dotenvKey(key)
			}
			l.value(append(at[:len(at):len(at)], key), item.Value)
		}
	}
}

func (l *leaves) value(at []string, v any) {
	switch v := v.(type) {
	case sops.TreeBranch:
		l.branch(at, v)
	case []any:
		n := 0
		for _, item := range v {
			if isComment(item) {
				continue
			}
			l.value(append(at[:len(at):len(at)], strconv.Itoa(n)), item)
			n++
		}
	case string:
		if isEncrypted(v) {
			l.entries = append(l.entries, Entry{Key: at, Encrypted: true, Line: l.lines.find(v)})
			return
		}
		text, _ := l.file.text(v) // a string has a text
		l.entries = append(l.entries, Entry{Key: at, Plain: text})
	default:
		text, _ := l.file.text(v)
		l.entries = append(l.entries, Entry{Key: at, Plain: text})
	}
}

func isEncrypted(s string) bool {
	return strings.HasPrefix(s, secret.SOPSMark) && strings.HasSuffix(strings.TrimSpace(s), "]")
}

// isComment reports whether an element of a list is a comment, which has no
// number. SOPS keeps an encrypted comment there as a string of type comment.
func isComment(v any) bool {
	if s, ok := v.(string); ok {
		return isEncrypted(s) && strings.HasSuffix(strings.TrimSpace(s), ",type:comment]")
	}
	_, ok := v.(sops.Comment)
	return ok
}

// text gives a leaf as the text of an environment variable: a string as it is
// (of a dotenv file without its quotes),
// null as nothing, a number, boolean or time as the format writes it, which is
// what `sops decrypt --extract` prints.
func (f *File) text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		if f.format == Dotenv {
			v = dotenvValue(v)
		}
		return v, nil
	case []byte:
		return string(v), nil
	}
	b, err := f.format.store(config.NewStoresConfig()).EmitValue(v)
	if err != nil {
		// The cause may hold the value.
		return "", damaged(f.path, "it has a value of a type that has no text form")
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

// lineFinder finds strings that follow each other in data, in one pass.
type lineFinder struct {
	data []byte
	line int
}

func (l *lineFinder) find(s string) int {
	i := bytes.Index(l.data, []byte(s))
	if i < 0 {
		return 0
	}
	l.line += bytes.Count(l.data[:i], []byte("\n"))
	l.data = l.data[i:]
	return l.line
}

func damaged(path, what string) error {
	return fmt.Errorf("%q: %w: %s; restore it from version control or encrypt it again", path, ErrDamaged, what)
}
