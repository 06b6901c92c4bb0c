package compose

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"

	"github.com/compose-secure/compose-secure/secret"
)

// Known is what is certain of a project before its compose files are parsed.
type Known struct {
	Name, WorkingDir string // as the loaded project will most likely have them
	Profiles         []string
	SecretNames      []string          // as in Project
	DotEnv           map[string]string // as in Project
	texts            [][]byte
}

// isAlone reports whether the loader reads no compose file but the main ones, which stand on
// disk, and drops nothing while it validates them.
func (p *Project) isAlone() bool {
	for _, path := range p.tried {
		data, err := readFile(path)
		if err != nil || strings.HasPrefix(path, "/proc/") || mentionsAny(data, "include", "extends", "version") {
			return false
		}
	}
	return true
}

func mentionsAny(data []byte, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return bytes.Contains(data, []byte(word)) })
}

// hidesName reports whether a text may name a variable of the environment in a way that Uses does not
// see: with an escape of YAML, of an env file or of a reference, or made of another variable.
func hidesName(text []byte) bool {
	return bytes.ContainsRune(text, '\\') || bytes.Contains(text, []byte("env://")) && bytes.ContainsRune(text, '%') || madeName().Match(text)
}

var madeName = pattern(`env://[^\s"']*\$|environment["']?\s*:\s*["']?[^\s"'{}\[\]]*\$`)

func (p *Project) tellKnown(po *cli.ProjectOptions, o Options) {
	if o.Known == nil || slices.Contains(o.Files, "-") {
		return
	}
	k := Known{Name: po.Name, Profiles: o.Profiles, SecretNames: p.SecretNames, DotEnv: p.DotEnv}
	for _, path := range p.tried {
		data, err := readFile(path)
		if err != nil || mentionsAny(data, "include", "extends", "env_file") { // another file
			return
		}
		k.texts = append(k.texts, data)
	}
	for _, data := range p.envFiles.data {
		k.texts = append(k.texts, data)
	}
	environ := mapping(o.Environ)
	for _, name := range p.SecretNames {
		if value := environ[name]; secret.IsRef(value) {
			k.texts = append(k.texts, []byte(value))
		}
	}
	if slices.ContainsFunc(k.texts, hidesName) {
		return
	}
	var err error
	if k.WorkingDir, err = po.GetWorkingDir(); err != nil {
		return
	}
	if text := po.Environment["COMPOSE_PROFILES"]; len(k.Profiles) == 0 && text != "" {
		k.Profiles = strings.Split(text, ",")
	}
	if k.Name == "" {
		k.Name = po.Environment["COMPOSE_PROJECT_NAME"]
	}
	if k.Name == "" {
		k.Name = loader.NormalizeProjectName(filepath.Base(k.WorkingDir))
	}
	o.Known(k)
}

// Uses reports whether a file of the project may use the variable name or the text value:
// not when neither stands in any of them.
func (k Known) Uses(name, value string) bool {
	return slices.ContainsFunc(k.texts, func(text []byte) bool {
		return hasWord(text, name) || len(value) >= shortest && bytes.Contains(text, []byte(value))
	})
}

// shortest value, in bytes, that is looked for in texts: what is shorter stands in
// any of them and keeps no secret.
const shortest = 4

// hasWord reports whether word stands in text, with none of the characters of a
// variable's name around it. A word that has none of them is no name.
func hasWord(text []byte, word string) bool {
	if !slices.ContainsFunc([]byte(word), isNameByte) {
		return false
	}
	for {
		i := bytes.Index(text, []byte(word))
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || !isNameByte(text[i-1])) && (end == len(text) || !isNameByte(text[end])) {
			return true
		}
		text = text[end:]
	}
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
