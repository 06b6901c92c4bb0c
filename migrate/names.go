package migrate

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// value is a value that leaves the source, under its names.
type value struct {
	name   string // of the variable
	file   string // of the secret
	text   string
	places []string
	owner  *part // that declares the secret, if one does
}

// names are the values of one store.
type names struct {
	path    string
	exists  bool
	values  []*value
	byText  map[string]*value // by shareKey
	byName  map[string]*value
	keys    map[string]bool // names that the store has already
	secrets map[string]bool // names of secrets in use
	numbers map[string]int  // by name, the first number that may be free behind it
}

func (n *names) clone() *names {
	c := *n
	c.values = nil
	c.byText, c.byName = map[string]*value{}, map[string]*value{}
	for _, v := range n.values {
		w := *v
		w.places = slices.Clone(v.places)
		c.values = append(c.values, &w)
		c.byName[w.name] = &w
		for key, shared := range n.byText {
			if shared == v {
				c.byText[key] = &w
			}
		}
	}
	c.secrets, c.numbers = maps.Clone(n.secrets), maps.Clone(n.numbers)
	return &c
}

func (p *planner) save() state {
	s := p.state
	s.now, s.edits, s.outcomes, s.argOutcomes = maps.Clone(p.now), maps.Clone(p.edits), maps.Clone(p.outcomes), maps.Clone(p.argOutcomes)
	s.mounts, s.grants = maps.Clone(p.mounts), slices.Clone(p.grants)
	s.order, s.hidden, s.ignore = slices.Clone(p.order), slices.Clone(p.hidden), slices.Clone(p.ignore)
	s.stores, s.moved = map[string]*names{}, map[movedKey]map[string]*value{}
	for path, n := range p.stores {
		s.stores[path] = n.clone()
	}
	for key, m := range p.moved {
		s.moved[key] = map[string]*value{}
		for name, v := range m {
			s.moved[key][name] = s.stores[key.store].byName[v.name]
		}
	}
	return s
}

// storeOf finds the store of a compose file.
func (p *planner) storeOf(root *yaml.Node, dir string) (*names, error) {
	path := filepath.Join(dir, SOPSName)
	if p.o.Files {
		path = filepath.Join(dir, FilesName)
	} else if have := yamldoc.Texts(yamldoc.Get(yamldoc.Get(root, "x-compose-secure"), "sops")); len(have) > 0 {
		path = have[0]
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
	} else if _, err := os.Stat(filepath.Join(dir, DotenvName)); err == nil {
		path = filepath.Join(dir, DotenvName)
	}
	if n, ok := p.stores[path]; ok {
		return n, nil
	}
	if p.Trees.Outside(path) {
		return nil, fmt.Errorf("its store %s lies outside of the project; name that on the command line too", p.shown(path))
	}
	n := &names{path: path, byText: map[string]*value{}, byName: map[string]*value{}, keys: map[string]bool{}, secrets: map[string]bool{}, numbers: map[string]int{}}
	if _, err := os.Stat(path); err == nil {
		n.exists = true
		if p.o.Files {
			if realFolder(path) != nil {
				return nil, fmt.Errorf("%s is no directory of its own; move it away", p.shown(path))
			}
			entries, err := os.ReadDir(path)
			if err != nil {
				return nil, fmt.Errorf("read %q: %w", p.shown(path), err)
			}
			for _, e := range entries {
				n.secrets[e.Name()] = true
			}
		} else if p.o.Keys != nil {
			keys, err := p.o.Keys(path)
			if err != nil {
				return nil, err
			}
			for _, k := range keys {
				n.keys[k] = true
			}
		}
	}
	p.stores[path] = n
	return n, nil
}

// add keeps a value under a name of its own.
func (n *names) add(name, text string) *value {
	v := &value{name: name, text: text, file: fileName(name)}
	for i := 2; n.secrets[v.file]; i++ {
		v.file = fmt.Sprintf("%s_%d", fileName(name), i)
	}
	n.secrets[v.file] = true
	n.values = append(n.values, v)
	n.byName[name] = v
	n.share(name, v)
	return v
}

// share has the value of a variable found again for one of the same text.
func (n *names) share(variable string, v *value) {
	if key := shareKey(variable, v.text); n.byText[key] == nil {
		n.byText[key] = v
	}
}

// shareKey tells which values are kept once: equal ones, but for what every sample has, as "password", of which
// those of the same variable name are.
func shareKey(variable, text string) string {
	if secret.IsSample(text) {
		return variableName(variable) + "\x00" + text
	}
	return text
}

// takes reports whether the store can hold a text. A dotenv file of SOPS gives
// back neither quotes at the start nor every kind of blank.
func (n *names) takes(text string) bool {
	return !strings.HasSuffix(n.path, ".env") || dotenvSafe(text)
}

// whyNot gives the reason why the store cannot hold a text.
func (n *names) whyNot(text string) lint.Reason {
	switch file := filepath.Base(n.path); {
	case n.takes(text):
		return lint.Because(lint.StoreCannotHold)
	case strings.ContainsAny(text, "\n\r"):
		return lint.Because(lint.StoreHasNoLines, file, SOPSName)
	default:
		return lint.Because(lint.StoreHasNoBlanks, file, SOPSName)
	}
}

func (n *names) free(name string) bool { return n.byName[name] == nil && !n.keys[name] }

// store gives the values in the form of the plan.
func (n *names) store(p *planner) *Store {
	s := &Store{Path: n.path, Exists: n.exists}
	for _, v := range n.values {
		w := Value{Name: v.name, Value: secret.NewValue([]byte(v.text)), Places: v.places}
		if p.o.Files {
			w.Name = v.file
		}
		s.Values = append(s.Values, w)
	}
	return s
}

// fileName makes the name of a secret as up does.
func fileName(name string) string {
	if len(name) > 60 { // Swarm's limit is 64, with room for _NNN
		name = name[:60]
	}
	if name = strings.Trim(strings.ToLower(name), "_"); name == "" {
		return "secret"
	}
	return name
}

// variableName makes the name of a variable, or "".
func variableName(words ...string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, strings.Join(words, "_"))
	if name = strings.Trim(name, "_"); name == "" || name[0] >= '0' && name[0] <= '9' {
		return "SECRET_" + name
	}
	return name
}

func dotenvSafe(s string) bool {
	return s == strings.TrimSpace(s) && !strings.ContainsAny(s, "\n\r") && !strings.HasPrefix(s, `"`) && !strings.HasPrefix(s, "'")
}
