package lint

import (
	"fmt"
	"path/filepath"
	"strings"
)

func ruleEnvFile() Rule {
	return Rule{
		ID: idEnvFile, Name: "literal secret in an env file", Severity: Error, Plaintext: true,
		Why: "An env file is plaintext on disk, in backups and in every copy of the directory, and its values end in the " +
			"container's configuration. Encrypt the file with SOPS: every place where Compose takes an env file takes that as well.",
		env: func(p *pass, f *envFile) {
			f.each(func(v *envVar, l literal) {
				if isDecryptionKey(v.name, v.value) {
					return
				}
				fd := Finding{Key: v.name, Message: fmt.Sprintf("%s holds a plaintext secret", v.name), Fix: fixFor(f.service, v.name)}
				if f.service != nil {
					fd.Service = f.service.name
				}
				if f.compose != nil {
					fd.handled = f.compose.handled(f.service, v.name)
				}
				fd.Hint = "compose-secure migrate moves it to a SOPS file"
				switch {
				case f.compose == nil && isSampleName(strings.ToLower(filepath.Base(f.path))):
					fd.Severity = Warning
					fd.Hint = "leave the value empty: what a sample holds is kept by those who copy it"
					fd.Fix = Fix{ByHand, "only you know what a sample should say"}
				case f.compose == nil:
					fd.Fix, fd.Hint = Fix{ByHand, "no compose file names it"}, encryptHint
				default:
					fd.unplanned, fd.staysHint = f.unplanned(v), encryptHint
				}
				fd.noEdit = true // an env file is where the value of a variable comes from
				p.literalAt(byteRange{v.start + l.start, v.start + l.end}, l, fd)
			})
		},
	}
}

const encryptHint = "encrypt the file with SOPS: compose-secure takes it wherever Compose takes an env file"

// unplanned is why a variable stays that no plan knows.
func (f *envFile) unplanned(v *envVar) Reason {
	as := f.aliases[v.name]
	switch {
	case as != "" && len(f.inspectAs(v, v.name)) == 0:
		return Because(AliasElsewhere, as)
	case f.raw:
		return Because(OwnFormat)
	}
	return Because(NoService)
}

// each visits the secrets of an env file.
func (f *envFile) each(visit func(*envVar, literal)) {
	for i := range f.vars {
		v := &f.vars[i]
		if v.value == "" {
			continue
		}
		for _, l := range f.inspect(v) {
			visit(v, l)
		}
	}
}

// inspect judges a variable by its own name, then by that of the secret that it
// ends in.
func (f *envFile) inspect(v *envVar) []literal {
	found := f.inspectAs(v, v.name)
	if as := f.aliases[v.name]; as != "" && len(found) == 0 && !f.policy.IsPlain(v.name) {
		return f.inspectAs(v, as)
	}
	return found
}

func (f *envFile) inspectAs(v *envVar, name string) []literal {
	if v.verbatim {
		return inspectVerbatim(f.policy, name, v.value)
	}
	return inspect(f.policy, name, unescaped(v.value))
}

// unescaped gives a value of an env file as the text of a compose file, of the same length:
// an escaped $ is \$ in the one and $$ in the other. Without quotes it is none, but meant.
func unescaped(raw string) string { return strings.ReplaceAll(raw, `\$`, "$$") }

func ruleEnvFileExposed() Rule {
	return Rule{
		ID: "CS004", Name: "env file with secrets in git", Severity: Warning, Plaintext: true,
		Why: "An env file that git tracks, or that `git add .` would take, publishes its values with the next push. " +
			"Ignore it, or encrypt it; and rotate what was ever committed.",
		env: func(p *pass, f *envFile) {
			if !f.tracked && !f.exposed || isSampleName(strings.ToLower(filepath.Base(f.path))) {
				return
			}
			done := false
			f.each(func(v *envVar, l literal) {
				if done {
					return
				}
				done = true
				fd := Finding{
					Key:     v.name,
					Message: "git tracks this file, which holds secrets",
					Hint:    "git rm --cached it, add it to .gitignore and rotate what was committed",
					Fix:     Fix{ByHand, "git has to forget it, and what was committed has to be rotated"},
				}
				if f.exposed {
					fd.Message = "git does not ignore this file, which holds secrets"
					fd.Hint = "add it to .gitignore, or encrypt it with SOPS"
				}
				p.report(byteRange{v.start + l.start, v.start + l.end}, fd)
			})
		},
	}
}
