package migrate

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-secure/compose-secure/document/yamldoc"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
)

// Unread is a service whose user may not read the files that it is given:
// docker compose mounts them with the owner and mode that they have here. up
// gives every container a copy that it can read.
type Unread struct {
	File          string
	Line, Column  int
	Service, User string
	Files         []string // on disk
	Others        bool     // users of other services read one of them, so that no owner suits all
}

// grant is a secret that a service is given by this plan.
type grant struct {
	part          *part
	service, file string
}

// unread lists the services that run as somebody else than root, as far as
// compose file, Dockerfile and catalogue tell.
func (p *planner) unread() []Unread {
	if !p.o.Files {
		return nil
	}
	var list []Unread
	users := map[string][]string{}
	for _, g := range p.grants {
		user := p.userOf(g.part, g.service)
		if user == "" {
			continue
		}
		path := filepath.Join(g.part.root.dir, FilesName, g.file)
		if !slices.Contains(users[path], user) {
			users[path] = append(users[path], user)
		}
		shown := p.shown(g.part.path)
		i := slices.IndexFunc(list, func(u Unread) bool { return u.File == shown && u.Service == g.service })
		if i < 0 {
			key := serviceKey(g.part, g.service)
			i, list = len(list), append(list, Unread{File: shown, Line: key[0], Column: key[1], Service: g.service, User: user})
		}
		if !slices.Contains(list[i].Files, path) {
			list[i].Files = append(list[i].Files, path)
		}
	}
	slices.SortStableFunc(list, func(a, b Unread) int { return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line) })
	for i := range list {
		list[i].Others = slices.ContainsFunc(list[i].Files, func(path string) bool { return len(users[path]) > 1 })
	}
	return list
}

func serviceKey(n *part, name string) [2]int {
	for _, e := range lint.Containers(n.tree()) {
		if e.Key.Value == name {
			return [2]int{e.Key.Line, e.Key.Column}
		}
	}
	return [2]int{1, 1}
}

// userOf gives the user that a service runs as, a uid or a name; "" if that is
// root or not known. A file may leave image and user to another of its project.
func (p *planner) userOf(n *part, service string) string {
	image, build := "", ""
	for _, o := range append([]*part{n}, p.others(n)...) {
		for _, tree := range o.trees {
			s := serviceOf(services(tree), service)
			if s == nil {
				continue
			}
			if user := yamldoc.Text(yamldoc.Get(s.merged, "user")); user != "" {
				return notRoot(lint.Evaluate(user, p.envOf(o)))
			}
			if image == "" {
				image = lint.Evaluate(yamldoc.Text(yamldoc.Get(s.merged, "image")), p.envOf(o))
			}
			if _, dockerfile := s.buildsIn(o.dir); build == "" && dockerfile != "" {
				build = dockerfile
				data, err := original(dockerfile)
				if err != nil || data == nil {
					continue
				}
				user, base := lint.ImageUser(data, yamldoc.Text(yamldoc.Get(yamldoc.Follow(yamldoc.Get(s.merged, "build")), "target")))
				if user != "" {
					return notRoot(user)
				}
				image = base
			}
		}
	}
	if known, ok := secret.Default().Lookup(image); ok && image != "" {
		return known.RunsAs
	}
	return ""
}

func serviceOf(list []*service, name string) *service {
	if i := slices.IndexFunc(list, func(s *service) bool { return s.name == name }); i >= 0 {
		return list[i]
	}
	return nil
}

// notRoot gives the user of user:group, "" for root and for what is not known.
func notRoot(user string) string {
	user, _, _ = strings.Cut(user, ":")
	if user == "0" || user == "root" || strings.Contains(user, secret.Hole) || strings.Contains(user, "$") {
		return ""
	}
	return user
}
