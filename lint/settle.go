package lint

import (
	"path/filepath"
	"slices"
	"strings"
)

// later gives the reason why migrate leaves a finding, or "", once every file
// was read: a file does not know what others take.
type later func(l *linter) string

// know notes a compose file for those that are linted later.
func (l *linter) know(c *composeFile) {
	l.read = append(l.read, c)
	for _, s := range c.services {
		for _, n := range c.envFiles(s) {
			if len(Variables(text(n))) > 0 && !slices.Contains(l.byName, c) {
				l.byName = append(l.byName, c)
			}
			if path := c.path(text(n)); !slices.Contains(l.envUsers[path], c) {
				l.envUsers[path] = append(l.envUsers[path], c)
			}
		}
	}
}

// share notes who leads to a compose file. One that several projects share is
// left as it is: no store is that of all.
func (l *linter) share(ref fileRef) {
	first := l.leads[ref.path]
	if first == nil {
		l.leads[ref.path] = ref.from
		return
	}
	dirs := []string{first.top().dir, ref.from.top().dir}
	if dirs[0] == dirs[1] || l.isUnedited(ref.path) {
		return
	}
	data, err := l.files.read(ref.path)
	if err != nil {
		return
	}
	dir := filepath.Dir(ref.path)
	u := &unedited{Unedited: Unedited{Dir: dir, Data: data}, path: ref.path, shown: l.files.shown(ref.path)}
	for _, d := range append(dirs, dir) {
		u.dotenv = append(u.dotenv, filepath.Join(d, ".env"))
	}
	l.unedited = append(l.unedited, u)
}

// varsOf gives the variables of the .env files that c sees.
func (l *linter) varsOf(c *composeFile) map[string]string {
	return l.files.vars(slices.Concat(c.vars, c.top().vars))
}

// settle asks what had to wait.
func (l *linter) settle() {
	for i := range l.findings {
		f := &l.findings[i]
		if f.Fix.By == ByFile && f.handled != nil && !f.handled(l) {
			f.Fix = byWrap()
		}
		if f.later == nil || f.Fix.By == ByHand {
			continue
		}
		if why := f.later(l); why != "" {
			f.Fix = Fix{ByHand, why}
		}
	}
}

// laterLiteral is about a literal of a compose file.
func (c *composeFile) laterLiteral(lit *envLiteral) later {
	raw, literal := lit.pair.value, lit.literal
	return func(l *linter) string {
		if why := l.whyOut(c); why != "" || !literal.fallback {
			return why
		}
		if l.staysInDotenv(c, literal.name) {
			return ".env defines " + literal.name + ", and migrate leaves it there"
		}
		text := evaluate(raw[literal.start:literal.end], nil)
		for _, o := range l.project(c) {
			if l.isUnedited(o.file) {
				continue // below
			}
			if why := o.whyDefault(literal.name, text); why != "" {
				return why
			}
		}
		for _, u := range l.unedited {
			if overlap(u.dotenv, c.top().vars) && u.Mentions(literal.name) {
				return u.shown + " takes " + literal.name + ", and migrate leaves that file as it is"
			}
		}
		return ""
	}
}

// staysInDotenv reports whether an .env that c sees defines a variable, and
// migrate leaves it there.
func (l *linter) staysInDotenv(c *composeFile, name string) bool {
	owners := []*composeFile{c.top()}
	if owners[0] != c {
		owners = append(owners, c)
	}
	return slices.ContainsFunc(owners, func(o *composeFile) bool {
		return slices.ContainsFunc(o.vars, func(path string) bool { return l.staysIn(path, o, name) })
	})
}

func (l *linter) staysIn(path string, o *composeFile, name string) bool {
	data, err := l.files.read(path)
	if err != nil || isEncrypted(data) {
		return false
	}
	return slices.ContainsFunc(EnvVars(data, o.policy, o.taken), func(v EnvVar) bool {
		return v.Name == name && (!v.Secret || v.Ignored || v.Why != "" || l.whyUnedited(path, name) != "" || o.whyEnv(path, name, l) != "" || l.whyRead(path, name) != "")
	})
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// setElsewhere gives the file that sets a variable of a service too, or "".
func (l *linter) setElsewhere(c *composeFile, service, name string) string {
	for _, o := range l.project(c) {
		for _, s := range o.services {
			if s.name != service || l.isUnedited(o.file) {
				continue
			}
			if slices.ContainsFunc(s.env, func(p pair) bool { return p.name == name }) {
				return o.src.path
			}
			for _, n := range o.envFiles(s) {
				data, err := l.files.read(o.path(text(n)))
				if err == nil && slices.ContainsFunc(parseEnv(newSource("", data), false), func(v envVar) bool { return v.name == name }) {
					return o.src.path
				}
			}
		}
	}
	for _, u := range l.unedited {
		if overlap(u.dotenv, c.top().vars) && u.Mentions(service) && (u.Mentions(name) || u.Mentions("env_file")) {
			return u.shown
		}
	}
	return l.readers().Sets(c.top().file, service, name)
}

// laterArg is about an argument of a Dockerfile.
func (c *composeFile) laterArg(dockerfile, name string) later {
	return func(l *linter) string {
		if why := l.whyOut(c); why != "" {
			return why
		}
		return l.builtWithout(dockerfile, name)
	}
}

func (d *dockerfile) laterArg(name string) later {
	return func(l *linter) string { return l.builtWithout(d.path, name) }
}

// builtWithout gives the reason why an argument of a Dockerfile stays one:
// somebody builds that without the secret which would take its place. A file
// may add to the service of another.
func (l *linter) builtWithout(dockerfile, name string) string {
	given := map[[2]string]bool{}
	type user struct {
		c *composeFile
		s *service
	}
	var without []user
	for _, c := range l.read {
		moved := map[string]bool{}
		for _, a := range c.buildArgs() {
			if a.Dockerfile == dockerfile && a.Name == name && !l.isUnedited(c.file) && c.fixOfArg(&a).By != ByHand {
				for _, s := range a.Services {
					moved[s] = true
				}
			}
		}
		for _, s := range c.services {
			b := c.buildOf(s)
			switch {
			case moved[s.name]:
				given[[2]string{c.top().dir, s.name}] = true
			case b != nil && b.dockerfile == dockerfile:
				without = append(without, user{c, s})
			}
		}
	}
	for _, u := range without {
		if !given[[2]string{u.c.top().dir, u.s.name}] {
			return "service " + u.s.name + " of " + u.c.src.path + " builds the same Dockerfile without it; give it to both"
		}
	}
	return ""
}

// project gives the other files that docker compose may merge with c: those of
// the directory, and what they include.
func (l *linter) project(c *composeFile) []*composeFile {
	var list []*composeFile
	for _, o := range l.read {
		if o != c && o.top().dir == c.top().dir {
			list = append(list, o)
		}
	}
	return list
}

// takers gives the compose files whose variables an .env defines: those beside
// it, and what they include.
func (l *linter) takers(path string) []*composeFile {
	var list []*composeFile
	for _, c := range l.read {
		if slices.Contains(c.vars, path) || slices.Contains(c.top().vars, path) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *composeFile) int { return strings.Compare(a.file, b.file) })
	return list
}

// maxParents bounds how far a file is followed to those that include it.
const maxParents = 16

// top gives the file that includes c, or the one that includes that.
func (c *composeFile) top() *composeFile {
	for range maxParents { // files may include each other
		if c.parent == nil {
			break
		}
		c = c.parent
	}
	return c
}
