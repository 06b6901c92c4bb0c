package compose

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"

	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/subprocess"
)

// envFiles reads env files, plain and encrypted, each once.
type envFiles struct {
	project   *Project
	encrypted Encrypted
	data      map[string][]byte
	from      map[string]string // variable -> file it came from
	// included leads from the variables of included env files, which compose-go
	// reads on its own, to what stands for them in the model.
	included    map[variable]string
	clean       map[variable]bool // those that need nothing to stand for them
	top         map[string]string // the environment of the main files, secrets hidden
	files       []string          // compose files that are included
	others      []string          // env files of services and includes
	references  references
	bases       map[string]string // included file, as messages name it -> where its references start
	base        func() string     // the same for the env file that is being read
	named       bool              // the user named the env files of the main files
	given       map[string]bool   // env files that the user named, by path
	sourceAlone bool              // an included file has a secret with x-source alone
	unchecked   []uncheckedFile   // all compose files, for when compose-go does not validate them
}

// variable is one assignment as compose-go sees it: for an encrypted file the
// value is the ciphertext, and unique.
type variable struct{ name, value string }

// origin tells a person where a variable of the environment was set.
func (e *envFiles) origin(name string) string {
	if file, ok := e.from[name]; ok {
		return file
	}
	return processOrigin
}

// processOrigin is the origin of what no file sets.
const processOrigin = "the environment"

// merge is cli.WithDotEnv with encrypted files understood: a variable that is
// set already stays. It runs before the policy is known, so that values of plain files
// are still in the open; mergeHidden replaces them.
func (e *envFiles) merge(po *cli.ProjectOptions) error {
	values, err := e.mergeInto(po.Environment, po.EnvFiles, parseDotEnv)
	if err != nil {
		return err
	}
	for k, v := range values {
		if _, set := po.Environment[k]; !set {
			po.Environment[k] = v
		}
	}
	return nil
}

// mergeHidden reads the env files anew with every secret hidden, also where the
// value of one variable is made of another. process is the hidden environment of the process.
func (e *envFiles) mergeHidden(po *cli.ProjectOptions, process map[string]string) error {
	values, err := e.mergeInto(process, po.EnvFiles, e.parseHidden)
	if err != nil {
		return err
	}
	for k, v := range values {
		if _, set := process[k]; !set {
			po.Environment[k] = v
		}
	}
	return nil
}

type parseFunc func(path string, data []byte, lookup dotenv.LookupFn) (map[string]string, error)

// mergeInto returns the variables of files; later files win, and see those of
// the earlier ones and of set.
func (e *envFiles) mergeInto(set map[string]string, files []string, parse parseFunc) (map[string]string, error) {
	values := map[string]string{}
	for _, path := range files {
		file, err := e.read(path, e.named, parse, func(k string) (string, bool) {
			if v, ok := set[k]; ok {
				return v, true
			}
			v, ok := values[k]
			return v, ok
		})
		if err != nil {
			return nil, err
		}
		shown := Display(path)
		for k, v := range file {
			values[k] = v
			if _, ok := set[k]; !ok {
				if err := e.checkSetting(k, v, shown); err != nil {
					return nil, err
				}
				e.from[k] = shown
			}
		}
	}
	return values, nil
}

// checkSetting refuses a setting of docker compose that is encrypted: it says which project this is, for
// commands that decrypt nothing too.
func (e *envFiles) checkSetting(name, value, file string) error {
	if !subprocess.IsCompose(name) || !slices.ContainsFunc(e.project.Inputs.Find(value), func(in *secret.Input) bool { return in.Ref != nil }) {
		return nil
	}
	return reportf("%s: %s is encrypted, but commands that decrypt nothing have to know it; set it in the environment, or encrypt the file anew with: sops encrypt --unencrypted-regex '^COMPOSE_'", file, name)
}

// requireEncrypted merges a file that x-compose-secure.sops names.
func (e *envFiles) requireEncrypted(po *cli.ProjectOptions, path string) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	values, ok, err := e.inspect(path, data)
	if err != nil {
		return err
	}
	if !ok {
		return reportf("%s: not a SOPS file, but %s.sops names it; encrypt it with: sops encrypt -i %s", Display(path), Extension, Display(path))
	}
	for k, v := range values {
		if _, set := po.Environment[k]; !set {
			if err := e.checkSetting(k, v, Display(path)); err != nil {
				return err
			}
			po.Environment[k] = v
		} else if file, ok := e.from[k]; ok {
			e.project.Warnings = append(e.project.Warnings, fmt.Sprintf("%s is in %s and in %s; the one in %s is used, remove one of them", k, file, Display(path), file))
		}
	}
	return nil
}

// read lists one env file. Encrypted entries are placeholders. A file is opened once:
// it may be a pipe, when the user gave it.
func (e *envFiles) read(path string, given bool, parse parseFunc, lookup dotenv.LookupFn) (map[string]string, error) {
	readEnv := readFile
	if given {
		readEnv, e.given[path] = readGiven, true
	}
	data, ok := e.data[path]
	if !ok {
		var err error
		if data, err = readEnv(path); err != nil {
			return nil, err
		}
		e.data[path] = data
	}
	values, ok, err := e.inspect(path, data)
	if err != nil || ok {
		return values, err
	}
	return parse(path, data, lookup)
}

// parseHidden is parseDotEnv with every secret hidden. A value that is made of a secret
// of the same file holds its placeholder: the second parse sees to it.
func (e *envFiles) parseHidden(path string, data []byte, lookup dotenv.LookupFn) (map[string]string, error) {
	values, err := parseDotEnv(path, data, lookup)
	if err != nil {
		return nil, err
	}
	hidden, secrets, shown := make(map[string]string, len(values)), false, Display(path)
	for k, v := range values {
		if hidden[k], err = e.project.hide(k, v, shown); err != nil {
			return nil, err
		}
		secrets = secrets || hidden[k] != v
	}
	if !secrets || !bytes.ContainsRune(data, '$') {
		return hidden, nil
	}
	again, err := parseDotEnv(path, data, func(k string) (string, bool) {
		if v, ok := lookup(k); ok {
			return v, true
		}
		v, ok := hidden[k]
		return v, ok && e.project.Inputs.Has(v)
	})
	if err != nil {
		return nil, err
	}
	for k, v := range again {
		if hidden[k] == values[k] {
			hidden[k] = v
		}
	}
	return hidden, nil
}

// inspect lists an encrypted file with a placeholder for each encrypted value.
func (e *envFiles) inspect(path string, data []byte) (map[string]string, bool, error) {
	e.references.note(path, data)
	if e.encrypted == nil {
		return nil, false, nil
	}
	vars, ok, err := e.encrypted.Inspect(path, data)
	if err != nil || !ok {
		return nil, ok, err
	}
	values, shown := make(map[string]string, len(vars)), Display(path)
	if len(vars) == 0 {
		return nil, false, reportf("%s: encrypted as one block, so that it defines no variable; encrypt the plain file anew with: sops encrypt --input-type dotenv --output-type dotenv", shown)
	}
	for _, v := range vars {
		values[v.Name] = v.Plain
		if v.Ref == nil {
			continue
		}
		values[v.Name] = e.project.Inputs.Placeholder(secret.Input{Name: v.Name, Origin: shown, Ref: v.Ref})
	}
	return values, true, nil
}

// dotEnvLine finds the line number in an error of compose-go's dotenv parser.
var dotEnvLine = pattern(`line (\d+): (unexpected character|key cannot contain a space|unterminated quoted value)?`)

// parseDotEnv parses the dotenv format of docker compose. compose-go's own
// errors quote the file's content, so only line and kind of the fault are kept.
func parseDotEnv(path string, data []byte, lookup dotenv.LookupFn) (map[string]string, error) {
	if line := manyVariablesLine(data); line > 0 {
		return nil, reportf("%s:%d: %v", Display(path), line, errVariables)
	}
	values, err := dotenv.ParseWithLookup(bytes.NewReader(data), lookup)
	if err != nil {
		return nil, dotEnvFault(Display(path), data, err)
	}
	return values, namelessFault(path, data, values)
}

// manyVariablesLine returns the line where a value with too many variables starts, or 0. A value may have
// several lines, up to its closing quote.
func manyVariablesLine(data []byte) int {
	if !manyVariables(string(data)) {
		return 0
	}
	value, start := 0, 1 // where it starts, as offset and line
	var quote byte
	at, line := 0, 0
	for text := range bytes.Lines(data) {
		line++
		rest := text
		if quote == 0 {
			value, start = at, line
			_, after, _ := bytes.Cut(text, []byte{'='})
			if rest = bytes.TrimLeft(after, " \t"); len(rest) > 0 && (rest[0] == '"' || rest[0] == '\'') {
				quote, rest = rest[0], rest[1:]
			}
		}
		if quote != 0 && closesQuote(rest, quote) {
			quote = 0
		}
		at += len(text)
		if manyVariables(string(data[value:at])) {
			return start
		}
	}
	return 0
}

func closesQuote(text []byte, quote byte) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case quote:
			return true
		}
	}
	return false
}

var unreadable = pattern(`^failed to read (/.+?): `)

// envFileFault words an error about an env file that compose-go reads on its own, or
// returns nil for any other error.
func envFileFault(err error) error {
	if m := unreadable().FindStringSubmatch(err.Error()); m != nil {
		return dotEnvFault(Display(m[1]), nil, err)
	}
	return nil
}

// dotEnvFault words an error of compose-go's dotenv parser without what it quotes. data, which may
// be nil, is what the file holds.
func dotEnvFault(file string, data []byte, err error) error {
	var missing *template.MissingRequiredError
	var invalid *template.InvalidTemplateError
	m := dotEnvLine().FindStringSubmatch(err.Error())
	switch {
	case errors.As(err, &missing):
		// The reason is interpolated with values, and even the name may be part of a password.
		return reportf("%s%s: a required variable is not set; set it in the environment or further up in the file, or put a value that holds a dollar sign in single quotes",
			file, lineOf(data, missing.Variable))
	case errors.As(err, &invalid) || strings.Contains(err.Error(), "Invalid template"):
		return reportf("%s: invalid interpolation; put a value that holds a dollar sign in single quotes", file)
	case m == nil:
		return reportf("%s: not a valid env file; write one NAME=VALUE a line", file)
	case m[2] == "":
		m[2] = "not of the form NAME=VALUE"
	}
	return reportf("%s:%s: %s; write NAME=VALUE, with quotes around a value that has spaces or quotes", file, m[1], m[2])
}

// lineOf is ":N" for the line of data that requires a variable, or "".
func lineOf(data []byte, variable string) string {
	for i, line := range strings.Split(string(data), "\n") {
		if strings.Contains(line, "${"+variable+"?") || strings.Contains(line, "${"+variable+":?") {
			return fmt.Sprintf(":%d", i+1)
		}
	}
	return ""
}

// parseRaw is env_file's format: raw, as docker run --env-file reads it: no
// quotes, no interpolation. https://docs.docker.com/reference/compose-file/services/#format
func parseRaw(path string, data []byte, lookup dotenv.LookupFn) (map[string]string, error) {
	values := map[string]string{}
	text := strings.TrimPrefix(string(data), "\uFEFF")
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\r"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name == "" || strings.ContainsAny(name, " \t") {
			return nil, reportf("%s:%d: a variable name is missing or holds a space; write NAME=VALUE", Display(path), i+1)
		}
		if !ok {
			if value, ok = lookup(name); !ok {
				continue
			}
		}
		values[name] = value
	}
	return values, nil
}

// ReadEnvFile returns the variables of an env file that is none of the project's, plain or encrypted,
// with every secret hidden.
func (p *Project) ReadEnvFile(path string, lookup dotenv.LookupFn) (map[string]string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return p.envFiles.read(path, true, p.envFiles.parseHidden, lookup)
}

// GivenEnvFiles returns the env files that --env-file or COMPOSE_ENV_FILES names, as they are written there.
func (p *Project) GivenEnvFiles() []string { return p.givenEnvFiles }

// stdinName is what messages call the compose file of -f -, which memoryFile holds.
const stdinName = "standard input"

var memoryPath = pattern(`/(?:proc/self|dev)/fd/\d+`)

// Display shortens a path below the working directory.
func Display(path string) string {
	if memoryPath().MatchString(path) {
		return stdinName
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(rel, "..") {
			return rel
		}
	}
	return path
}

// IsGiven reports whether the user named an env file, an absolute path, on the command line.
func (p *Project) IsGiven(path string) bool { return p.envFiles.given[path] }

// EncryptedFile returns the reference to the whole of an encrypted file, for
// the file of a declared secret or config. A file that cannot be read is not
// encrypted: docker compose reports it when a service needs it.
func (p *Project) EncryptedFile(path string) (ref secret.Ref, ok bool, err error) {
	if path == "" || p.envFiles.encrypted == nil {
		return secret.Ref{}, false, nil
	}
	data, err := readFile(path)
	if err != nil {
		return secret.Ref{}, false, nil //nolint:nilerr // see above
	}
	return p.envFiles.encrypted.WholeFile(path, data)
}
