package compose

import (
	"strings"
	"testing"
)

// TestNames: names are held against the schema also where compose-go's own check is off, for a secret of an
// included file that has x-source alone.
func TestNames(t *testing.T) {
	included := "services: {b: {image: x, secrets: [s]}}\nsecrets: {s: {x-source: 'ref+env://X'}}\n"
	tests := map[string]struct{ main, included, want string }{
		"fine":             {"services: {a.B_c-1: {image: x}}\n", included, ""},
		"command":          {"services: {'$(touch${IFS}x)': {image: x}}\n", included, "$(touch"},
		"of an include":    {"services: {a: {image: x}}\n", strings.Replace(included, "b:", "'`x`':", 1), "`x`"},
		"escape":           {"services: {\"\\e[31m\": {image: x}}\n", included, "services"},
		"network":          {"services: {a: {image: x}}\nnetworks: {'a b': {}}\n", included, "a b"},
		"secret":           {"services: {a: {image: x}}\nsecrets: {'a;b': {file: x}}\n", included, "a;b"},
		"unknown key":      {"services: {a: {image: x, entry_point: {A: b}}}\n", included, "entry_point"},
		"key of include":   {"services: {a: {image: x}}\n", strings.Replace(included, "image: x", "image: x, entry_point: {}", 1), "entry_point"},
		"variable as type": {"services: {a: {image: x, tty: '${T:-true}', ports: ['${P:-80}:80'], deploy: {replicas: '${N:-1}'}, healthcheck: {interval: '${I:-5s}'}}}\n", included, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := loadFiles(t, map[string]string{"compose.yaml": "include: [b.yaml]\n" + tt.main, "b.yaml": tt.included}, Options{})
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && err == nil:
				t.Error("taken")
			case tt.want != "" && (!strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\n\x1b")):
				t.Errorf("%q does not name %q", err, tt.want)
			}
		})
	}
}

// TestSettings: a setting of docker compose is never taken from an encrypted value, so that every
// command finds the same project without a key.
func TestSettings(t *testing.T) {
	main := "services: {a: {image: x}}\n"
	encrypted := "COMPOSE_PROJECT_NAME=ENC[x]\nCOMPOSE_HTTP_TIMEOUT=5\nsops_mac=x\n"
	tests := map[string]struct {
		files   map[string]string
		options Options
		refused bool
	}{
		".env":              {map[string]string{"compose.yaml": main, ".env": encrypted}, Options{}, true},
		"--env-file":        {map[string]string{"compose.yaml": main, "s.env": encrypted}, Options{EnvFiles: []string{"s.env"}}, true},
		"sops":              {map[string]string{"compose.yaml": "x-compose-secure: {sops: [s.env]}\n" + main, "s.env": encrypted}, Options{}, true},
		"made of one":       {map[string]string{"compose.yaml": main, "s.env": "NAME=ENC[x]\nsops_mac=x\n", "t.env": "COMPOSE_PROFILES=x${NAME}\n"}, Options{EnvFiles: []string{"s.env", "t.env"}}, true},
		"set by the user":   {map[string]string{"compose.yaml": main, ".env": encrypted}, Options{Environ: []string{"COMPOSE_PROJECT_NAME=p"}}, false},
		"readable":          {map[string]string{"compose.yaml": main, ".env": "COMPOSE_PROJECT_NAME=p\nsops_mac=x\n"}, Options{}, false},
		"env_file, include": {map[string]string{"compose.yaml": "include: [{path: b.yaml, env_file: s.env}]\nname: p\nservices: {a: {image: x, env_file: s.env}}\n", "b.yaml": "services: {b: {image: x}}\n", "s.env": encrypted}, Options{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.options.Encrypted = fakeSOPS{}
			p, err := loadFiles(t, tt.files, tt.options)
			switch {
			case tt.refused && (err == nil || !strings.Contains(err.Error(), "is encrypted, but commands that decrypt nothing have to know it")):
				t.Errorf("not refused: %v", err)
			case !tt.refused && err != nil:
				t.Error(err)
			case !tt.refused && p.Name != "p":
				t.Errorf("the project is %q", p.Name)
			}
		})
	}
}
