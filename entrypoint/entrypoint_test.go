package entrypoint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

const fileEnv = `
file_env() {
	local var="$1"
	local fileVar="${var}_FILE"
	if [ "${!var:-}" ] && [ "${!fileVar:-}" ]; then
		echo >&2 "both $var and $fileVar are set"
		exit 1
	fi
	local val="${2:-}"
	if [ "${!var:-}" ]; then val="${!var}"; elif [ "${!fileVar:-}" ]; then val="$(< "${!fileVar}")"; fi
	export "$var"="$val"
	unset "$fileVar"
}
`

const dash = `if [ "${1:0:1}" = '-' ]; then set -- server "$@"; fi
`

// Each case is a convention that public images follow, or what comes close to one.
func TestFind(t *testing.T) {
	got := func(commands []string, names ...string) *Reads {
		return &Reads{Form: "suffix:_FILE", Variables: names, Commands: commands, Script: "/entry.sh"}
	}
	server := []string{"server"}
	tests := map[string]struct {
		script string
		want   *Reads
	}{
		"a function at the top":         {fileEnv + "file_env 'B_PASSWORD'\nfile_env A_PASSWORD x\nexec \"$@\"", got(nil, "A_PASSWORD", "B_PASSWORD")},
		"for the server":                {fileEnv + dash + "if [ \"$1\" = 'server' ]; then\nfile_env \"A_PASSWORD\"\nfi\nexec \"$@\"", got(server, "A_PASSWORD")},
		"in functions":                  {fileEnv + "setup() { file_env A; }\nmain() {\n" + dash + "if [ \"$1\" = server ] && ! _want_help \"$@\"; then setup; fi\nexec \"$@\"\n}\nif ! _is_sourced; then main \"$@\"; fi", got(server, "A")},
		"two servers":                   {fileEnv + "if [ \"$1\" = a ] || [ \"$1\" = b ] && ! want_help \"$@\"; then file_env A; fi", got([]string{"a", "b"}, "A")},
		"double brackets":               {fileEnv + "if [[ \"$1\" == apache2* || \"$1\" == php-fpm ]]; then file_env A; fi", got([]string{"apache2*", "php-fpm"}, "A")},
		"a case":                        {fileEnv + "case \"$1\" in\na|b*) file_env A ;;\n*) exec \"$@\" ;;\nesac", got([]string{"a", "b*"}, "A")},
		"a copy of the word":            {fileEnv + "first=\"$1\"\nif [ \"$first\" = server ]; then file_env A; fi", got(server, "A")},
		"before the first start":        {fileEnv + "if [ \"$1\" = server -a -z \"$wantHelp\" ]; then if [ ! -d \"$DATA/x\" ]; then file_env A; fi; fi", got(server, "A")},
		"restarted as another user":     {fileEnv + "if [ \"$1\" = server ] && [ \"$(id -u)\" = '0' ]; then\nchown x y\nexec gosu server \"$BASH_SOURCE\" \"$@\"\nfi\nif [ \"$1\" = server ]; then file_env A; fi", got(server, "A")},
		"any other is run before":       {fileEnv + "if [ \"$1\" != server ]; then exec \"$@\"; fi\nfile_env A", got(server, "A")},
		"another name, cat":             {"get_secret() { local v=\"${1}\"; local f=\"${v}_FILE\"; if [[ -n \"${!f}\" ]]; then export \"${v}\"=\"$(cat \"${!f}\")\"; fi; }\nget_secret A\nget_secret B\nexec \"$@\"", got(nil, "A", "B")},
		"found by grep":                 {"file_env() { local var=\"$1\"; local f=\"${var}_FILE\"; local v=$(env | grep -E \"^${f}=\" | sed -E -e \"s/^${f}=//\"); if [ -n \"${v}\" ]; then export \"$var\"=\"$(cat \"${v}\")\"; fi; }\nfile_env A\n", got(nil, "A")},
		"a loop over an array":          {"vars=(\n A_PASSWORD\n B\n)\nfor v in \"${vars[@]}\"; do\n f=\"${v}_FILE\"\n if [[ -n \"${!f:-}\" ]]; then if [[ -r \"${!f:-}\" ]]; then export \"${v}=$(< \"${!f}\")\"; unset \"${f}\"; else warn x; fi; fi\ndone\nexec \"$@\"", got(nil, "A_PASSWORD", "B")},
		"a loop over words":             {fileEnv + "for v in A B; do file_env \"$v\"; done", got(nil, "A", "B")},
		"written out":                   {"if [ -n \"$A_FILE\" ]; then\nexport A=\"$(cat \"$A_FILE\")\"\nfi\nif [[ -f \"${B_FILE}\" ]]; then B=$(< $B_FILE); export B; fi\nexec \"$@\"", got(nil, "A", "B")},
		"sourced":                       {". /lib/env.sh\nexec \"$@\"", got(nil, "SOURCED")},
		"the commands differ":           {fileEnv + "if [ \"$1\" = server ]; then file_env A; fi\nfile_env B", got(server, "A")},
		"not exported":                  {"if [ -n \"$A_FILE\" ]; then\nA=\"$(cat \"$A_FILE\")\"\nfi\nexec \"$@\"", nil},
		"another variable":              {"if [ -n \"$A_FILE\" ]; then\nexport B=\"$(cat \"$A_FILE\")\"\nfi", nil},
		"for a variable that is set":    {fileEnv + "if [ -n \"$REDIS_HOST\" ]; then file_env A; fi", nil},
		"for some of the commands":      {fileEnv + "if expr \"$1\" : apache; then file_env A; fi", nil},
		"else":                          {fileEnv + "if [ \"$1\" = sh ]; then :; else file_env A; fi", nil},
		"not":                           {fileEnv + "if ! [ \"$1\" = sh ]; then file_env A; fi", nil},
		"in a subshell":                 {fileEnv + "( file_env A )\nexec \"$@\"", nil},
		"in a pipe":                     {fileEnv + "file_env A | cat\nexec \"$@\"", nil},
		"in the background":             {fileEnv + "file_env A &\nexec \"$@\"", nil},
		"behind an exec":                {fileEnv + "if [ \"$X\" ]; then exec \"$@\"; fi\nfile_env A", nil},
		"behind an exec in a function":  {fileEnv + "start() { exec server; }\nif [ \"$X\" ]; then start; fi\nfile_env A", nil},
		"behind an exit":                {fileEnv + "[ \"$X\" ] && exit 0\nfile_env A", nil},
		"behind a return":               {fileEnv + "main() { [ \"$X\" ] && return; file_env A; }\nmain \"$@\"", nil},
		"behind a shift":                {fileEnv + "shift\nif [ \"$1\" = server ]; then file_env A; fi", nil},
		"other arguments":               {fileEnv + "set -- server \"$@\"\nif [ \"$1\" = server ]; then file_env A; fi", nil},
		"a function's own argument":     {fileEnv + "main() { if [ \"$1\" = server ]; then file_env A; fi; }\nmain x", nil},
		"behind what is not there":      {fileEnv + ". /missing.sh\nfile_env A", nil},
		"a comment":                     {fileEnv + "# file_env A\nexec \"$@\"", nil},
		"a text":                        {fileEnv + "cat <<E\nfile_env A\nE\necho 'file_env A'", nil},
		"a name that is made":           {fileEnv + "file_env \"${P}_PASSWORD\"", nil},
		"a function of that name alone": {"file_env() { echo \"$1_FILE\"; }\nfile_env A", nil},
		"the function twice":            {fileEnv + "file_env() { :; }\nfile_env A", nil},
		"no function":                   {"file_env A\nexec \"$@\"", nil},
		"no shell at all":               {"if [", nil},
		"never called":                  {fileEnv + "setup() { file_env A; }\nexec \"$@\"", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Find(image(map[string]string{
				"/entry.sh":   "#!/usr/bin/env bash\nset -Eeo pipefail\n" + tt.script + "\n",
				"/lib/env.sh": fileEnv + "file_env SOURCED\n",
			}, "/entry.sh"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r); diff != "" {
				t.Error("-want +got\n" + diff)
			}
		})
	}
}

func image(files map[string]string, entrypoint ...string) Image {
	return Image{Entrypoint: entrypoint, Path: "/none:/bin", WorkingDir: "/srv", Read: func(path string) ([]byte, error) {
		if text, ok := files[path]; ok && len(text) <= MaxScript {
			return []byte(text), nil
		}
		return nil, nil
	}}
}

// An entrypoint is a script, by its path, of PATH or of the working directory, behind an init process or a shell.
func TestEntrypoints(t *testing.T) {
	good := "#!/bin/sh\n" + fileEnv + "file_env A\nexec \"$@\"\n"
	tests := map[string]struct {
		entrypoint []string
		file, text string
		want       string // the script that is read
	}{
		"a path":               {[]string{"/e.sh"}, "/e.sh", good, "/e.sh"},
		"of PATH":              {[]string{"e.sh"}, "/bin/e.sh", good, "/bin/e.sh"},
		"of the folder":        {[]string{"./e.sh"}, "/srv/e.sh", good, "/srv/e.sh"},
		"behind tini":          {[]string{"/usr/bin/tini", "--", "/e.sh"}, "/e.sh", good, "/e.sh"},
		"behind a shell":       {[]string{"/bin/bash", "/e.sh"}, "/e.sh", good, "/e.sh"},
		"with an argument":     {[]string{"/e.sh", "server"}, "/e.sh", good, ""},
		"a shell text":         {[]string{"/bin/sh", "-c", "/e.sh"}, "/e.sh", good, ""},
		"a program":            {[]string{"/e.sh"}, "/e.sh", "\x7fELF" + good, ""},
		"python":               {[]string{"/e.sh"}, "/e.sh", strings.Replace(good, "/bin/sh", "/usr/bin/python", 1), ""},
		"too large":            {[]string{"/e.sh"}, "/e.sh", good + strings.Repeat("#", MaxScript), ""},
		"nothing":              {nil, "/e.sh", good, ""},
		"no such file":         {[]string{"/x.sh"}, "/e.sh", good, ""},
		"s6 with envfile":      {[]string{"/init"}, envFileScript, "#!/usr/bin/with-contenv bash\nfor F in /run/FILE__*; do :; done\n", envFileScript},
		"s6 without":           {[]string{"/init"}, "/init", good, ""},
		"s6 with another file": {[]string{"/init"}, envFileScript, "#!/bin/sh\n:\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Find(image(map[string]string{tt.file: tt.text}, tt.entrypoint...))
			got := ""
			if r != nil {
				got = r.Script
			}
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// A script of a stranger costs no more than its size: functions that call each other many times over.
func TestFindIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n" + fileEnv)
	for _, f := range [][2]string{{"a", "b"}, {"b", "c"}, {"c", "d"}, {"d", "e"}, {"e", "f"}} {
		b.WriteString(f[0] + "() {\n" + strings.Repeat(f[1]+"\n", 2000) + "}\n")
	}
	b.WriteString("f() { file_env A; }\na\n")
	cputime.Limit(t, b.Len(), func() { _, _ = Find(image(map[string]string{"/e.sh": b.String()}, "/e.sh")) })
}

// No script makes a panic, a hang, or a variable that no environment has.
func FuzzFind(f *testing.F) {
	for _, text := range []string{fileEnv + "file_env A\n", fileEnv + dash + "case $1 in a|b*) file_env A;; esac", "for v in \"${x[@]}\"; do :; done", "a() { a; }; a", "if [[ $1 == a* && -z $x ]]; then . /e.sh; fi"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cputime.Limit(t, len(text), func() {
			r, err := Find(image(map[string]string{"/e.sh": "#!/bin/sh\n" + text}, "/e.sh"))
			if err != nil || r == nil {
				return
			}
			for _, v := range r.Variables {
				if !variableName.MatchString(v) {
					t.Errorf("variable %q", v)
				}
			}
		})
	})
}
