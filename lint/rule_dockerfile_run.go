package lint

import (
	"fmt"
	"strings"

	"github.com/compose-secure/compose-secure/secret"
)

func ruleDockerfileRun() Rule {
	return Rule{
		ID: "CS017", Name: "credentials in RUN", Severity: Error, Plaintext: true,
		Why: "The text of every instruction is in `docker history`, with build arguments filled in. " +
			"Mount the secret and let the command read it.",
		docker: func(p *pass, d *dockerfile) {
			for i := range d.steps {
				s := &d.steps[i]
				switch s.name {
				case "run", "cmd", "entrypoint", "healthcheck", "add", "copy", "label", "onbuild", "shell":
					p.dockerfileCommand(d, s)
				}
			}
		},
	}
}

func (p *pass) dockerfileCommand(d *dockerfile, s *step) {
	f := Finding{
		Service: d.serviceName(), Key: strings.ToUpper(s.name), Message: strings.ToUpper(s.name) + " holds a plaintext secret",
		Hint: mountHintFor("token"), noEdit: true, Fix: Fix{ByHand, "the command has to read the mounted file"},
	}
	scripts := append(append([]string(nil), s.words...), s.heredocs...)
	if s.exec {
		for _, l := range inspectCommand(d.policy, s.words, true) {
			p.literalAt(d.within(s, s.words, l.node, l.start, l.end), literal{}, f)
		}
		scripts = s.heredocs
	}
	for n, script := range scripts {
		for _, l := range inspectCommand(d.policy, []string{escapeDollar(script)}, false) {
			p.literalAt(d.within(s, scripts, n, l.start, l.end), literal{}, f)
		}
	}
	body := d.data[s.start:s.end]
	for name := range d.secretArgs {
		if at := credentialURL(body, name); at >= 0 {
			fd := f
			fd.Severity = Warning
			fd.Message = fmt.Sprintf("%s puts the build argument %s into a URL", strings.ToUpper(s.name), name)
			fd.Hint = mountHintFor(name)
			if s.name == "run" {
				fd.arg, fd.unplanned, fd.Fix = name, Because(NotGiven), byMount()
			}
			p.report(d.find(s, body[at:at+strings.IndexByte(body[at:], '@')], at), fd)
		}
	}
}

// escapeDollar keeps $$ of a Dockerfile, the shell's process ID, from being
// read as Compose's escape. The length stays.
func escapeDollar(s string) string { return strings.ReplaceAll(s, "$$", "$ ") }

// credentialURL finds scheme://...$NAME...@ and gives where its userinfo starts.
func credentialURL(body, name string) int {
	for at := 0; ; {
		i := strings.Index(body[at:], "://")
		if i < 0 {
			return -1
		}
		at += i + len("://")
		end := strings.IndexAny(body[at:], "/ \t\n\"'")
		if end < 0 {
			end = len(body) - at
		}
		host := strings.IndexByte(body[at:at+end], '@')
		if host > 0 && usesVariable(body[at:at+host], name) {
			return at
		}
	}
}

// usesVariable reports whether a script expands $name or ${name...}.
func usesVariable(script, name string) bool {
	if !strings.Contains(script, name) {
		return false
	}
	e := expand(secret.WithoutHoles(script), true)
	for _, o := range e.open {
		if o == name {
			return true
		}
	}
	return false
}

func ruleDockerfileWrite() Rule {
	return Rule{
		ID: "CS014", Name: "RUN writes a secret ARG", Severity: Error, Plaintext: true,
		Why: "A file written by RUN stays in that layer even if a later RUN deletes it, and what is echoed stays in the build log.",
		docker: func(p *pass, d *dockerfile) {
			for i := range d.steps {
				s := &d.steps[i]
				if s.name != "run" {
					continue
				}
				for name := range d.secretArgs {
					script := strings.Join(append(append([]string(nil), s.words...), s.heredocs...), "\n")
					if !writesVariable(script, name) {
						continue
					}
					p.report(d.find(s, name, 0), Finding{
						Service: d.serviceName(), Key: name,
						Message: fmt.Sprintf("RUN writes the build argument %s into a layer or the build log", name),
						Hint:    fmt.Sprintf("RUN --mount=type=secret,id=%s,target=FILE gives the command the file without keeping it", strings.ToLower(name)),
						Fix:     Fix{ByHand, "the command has to read the mounted file"},
					})
				}
			}
		},
	}
}

// writers are programs that print or store their arguments.
var writers = [...]string{"echo", "printf", "tee", "cat", "sed", "npm", "yarn", "pnpm", "git", "pip", "poetry", "composer", "bundle", "export"}

// writesVariable reports whether a simple command of script that prints or
// stores, or one that is redirected, expands the variable.
func writesVariable(script, name string) bool {
	if !usesVariable(script, name) {
		return false
	}
	for _, line := range strings.FieldsFunc(script, func(r rune) bool { return r == '\n' || r == ';' || r == '&' || r == '|' }) {
		if !usesVariable(line, name) {
			continue
		}
		words := strings.Fields(line)
		if strings.Contains(line, ">") {
			return true
		}
		for _, w := range writers {
			if len(words) > 0 && words[0] == w && (w == "echo" || w == "printf" || w == "tee" || strings.Contains(line, "config") || w == "sed") {
				return true
			}
		}
	}
	return false
}

func ruleDockerfileCopy() Rule {
	return Rule{
		ID: "CS016", Name: "secret file copied into the image", Severity: Error, Plaintext: true,
		Why: "A copied file is in the image for everybody who can pull it, also when a later layer deletes it. " +
			"Mount it for the one RUN that needs it and name it in .dockerignore.",
		docker: func(p *pass, d *dockerfile) {
			for i := range d.steps {
				s := &d.steps[i]
				if s.name != "copy" && s.name != "add" || len(s.words) < 2 || fromStage(s) {
					continue
				}
				for _, w := range s.words[:len(s.words)-1] {
					if !isSecretFile(w) {
						continue
					}
					p.report(d.find(s, w, 0), Finding{
						Service: d.serviceName(), Key: w,
						Message: fmt.Sprintf("%s puts %q into the image", strings.ToUpper(s.name), w),
						Hint:    "RUN --mount=type=secret,id=...,target=FILE gives one RUN the file without keeping it; add it to .dockerignore",
						Fix:     Fix{ByHand, "only you know which RUN needs the file"},
					})
				}
			}
		},
	}
}

func fromStage(s *step) bool {
	for _, f := range s.flags {
		if strings.HasPrefix(f, "--from=") {
			return true
		}
	}
	return false
}

// secretNames are files that hold credentials by convention.
var secretNames = map[string]bool{
	".env": true, ".npmrc": true, ".netrc": true, ".pypirc": true, ".pgpass": true, ".git-credentials": true, ".htpasswd": true,
	".my.cnf": true, ".dockercfg": true, ".vault-token": true, "id_rsa": true, "id_dsa": true, "id_ecdsa": true,
	"id_ed25519": true, "credentials.json": true, "service-account.json": true, "serviceaccount.json": true, "kubeconfig": true,
	"sasl_passwd": true, "chap-secrets": true, "pap-secrets": true,
	".ssh": true, ".aws": true, ".gnupg": true, ".kube": true,
}

func isSecretFile(path string) bool {
	if strings.Contains(path, "://") || strings.Contains(path, secret.Hole) {
		return false
	}
	path = strings.TrimSuffix(strings.ToLower(path), "/")
	base := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case secretNames[base]:
		return true
	case strings.HasSuffix(base, ".pub"), strings.Contains(base, "public"), isSampleName(base):
		return false
	case strings.HasPrefix(base, ".env."), strings.HasPrefix(base, "id_rsa"), strings.HasSuffix(base, ".key"), strings.HasSuffix(base, ".p12"),
		strings.HasSuffix(base, ".pfx"), strings.HasSuffix(base, ".agekey"), strings.HasSuffix(base, ".kdbx"), strings.HasSuffix(base, ".ppk"):
		return true
	case strings.HasSuffix(base, ".pem"):
		return strings.Contains(base, "key") || strings.Contains(base, "private")
	}
	return strings.HasSuffix(path, ".docker/config.json") || strings.HasSuffix(path, ".aws/credentials")
}
