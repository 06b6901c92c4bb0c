package compose

import (
	"slices"
	"strings"
)

// variableName is what stands behind a dollar sign and, perhaps, a brace.
var variableName = pattern(`^\{?([A-Za-z_]\w*)`)

// named is a variable that a text refers to. It is doubtful when the name may be part of a password
// whose dollar sign nobody escaped, as in "Sup3r$ecret" and "p4ss${w?ord}".
type named struct {
	name     string
	doubtful bool
}

// NamesIn lists the variables that the scalar at path of a compose file surely refers to.
// Those whose name may be part of a password are left out.
func (p *Project) NamesIn(path []string, text string) []string {
	var names []string
	for _, n := range p.namesIn(path, text) {
		if !n.doubtful {
			names = append(names, n.name)
		}
	}
	return names
}

func (p *Project) namesIn(path []string, text string) []named {
	if !strings.Contains(text, "$") {
		return nil
	}
	key, text := keyAndText(path, text)
	keepsSecret := p.Detect.Classify(key, "").Secret || p.Detect.ClassifyFinal(key, text).Secret
	return namesOf(strings.ReplaceAll(text, "$$", "xx"), keepsSecret, false)
}

// keyAndText takes NAME= off an element of an environment list.
func keyAndText(path []string, text string) (key, rest string) {
	if len(path) > 0 {
		key = path[len(path)-1]
	}
	text = strings.TrimPrefix(text, key+"=")
	if key != "" && strings.Trim(key, "0123456789[]") != "" && !slices.Contains(lists, key) {
		return key, text
	}
	if name, value, ok := strings.Cut(text, "="); ok && variableOnly().MatchString(name) {
		return name, value
	}
	return key, text
}

// lists are the keys whose elements are NAME=VALUE.
var lists = []string{"environment", "labels", "args", "annotations"}

var variableOnly = pattern(`^[A-Za-z_][\w.-]*$`)

// delimiters may stand around ${NAME} in a text that keeps a secret, such as the address of a database.
const delimiters = ":/@?&=,; \t\n${}"

// namesOf lists the references in text, those in the default of another among them.
func namesOf(text string, keepsSecret, doubtful bool) []named {
	var found []named
	text = strings.TrimSpace(text)
	for i := 0; i < len(text); i++ {
		m := []string(nil)
		if text[i] == '$' {
			m = variableName().FindStringSubmatch(text[i+1:])
		}
		if m == nil {
			continue
		}
		name, braced := m[1], m[0] != m[1]
		end, inner := i+1+len(m[0]), ""
		if braced {
			start := end
			end = closing(text, start)
			inner = strings.TrimLeft(strings.TrimSuffix(text[start:end], "}"), ":-?+")
		}
		unsure := doubtful
		switch {
		case i == 0 && end == len(text):
		case !braced:
			unsure = unsure || keepsSecret || i > 0 && isNameByte(text[i-1])
		case keepsSecret:
			unsure = unsure || !isDelimited(text, i, end)
		}
		found = append(found, named{name, unsure})
		found = append(found, namesOf(inner, keepsSecret, unsure)...)
		i = end - 1
	}
	return found
}

func isDelimited(text string, from, to int) bool {
	return (from == 0 || strings.IndexByte(delimiters, text[from-1]) >= 0) &&
		(to == len(text) || strings.IndexByte(delimiters, text[to]) >= 0)
}

// closing is the index behind the brace that closes the one before from, or the end.
func closing(text string, from int) int {
	for depth, i := 1, from; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// isOneReference reports whether a scalar is ${NAME...} and nothing else.
func isOneReference(path []string, text string) bool {
	_, text = keyAndText(path, text)
	return strings.HasPrefix(text, "${") && closing(text, 2) == len(text) && strings.HasSuffix(text, "}")
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
