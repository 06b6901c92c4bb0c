package swarm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/encode"
)

// Ignored is a key of the model that Swarm has no use for.
type Ignored struct {
	Key   string     // as the compose file has it: restart, build, ports.host_ip
	Paths [][]string // of the values in the model, at least one
}

// Names are the objects in the cluster that hold the project's secrets and
// configs, by their key in the project.
type Names struct{ Secrets, Configs map[string]string }

// Translate writes project in the format of docker stack deploy, version 3 of the
// Compose file: https://docs.docker.com/reference/compose-file/legacy-versions/.
// names must hold every secret and config. labels are put on every service, not
// on its containers. "$" is doubled, since docker interpolates what it reads.
// The error has one line for each service that cannot run in Swarm.
func Translate(project *types.Project, names Names, labels map[string]string) ([]byte, []Ignored, error) {
	in, err := tree(project)
	if err != nil {
		return nil, nil, err
	}
	t := &translator{prefix: project.Name + "_", ignored: map[string]*Ignored{}, version: "3.9"}
	out := node{}
	t.section(in, out, "services", func(name string, s node) node {
		s = t.service(name, s)
		deploy := child(s, "deploy")
		all := maps.Clone(child(deploy, "labels"))
		for k, v := range labels {
			all[k] = v
		}
		deploy["labels"] = all
		s["deploy"] = deploy
		return s
	})
	for _, name := range slices.Sorted(maps.Keys(child(in, "jobs"))) {
		t.ignore("jobs", "jobs", name)
	}
	t.section(in, out, "networks", t.network)
	t.section(in, out, "volumes", t.volume)
	t.section(in, out, "secrets", external(names.Secrets))
	t.section(in, out, "configs", external(names.Configs))
	out["version"] = t.version
	text, err := json.Marshal(doubled(out))
	if err != nil {
		return nil, nil, fmt.Errorf("encode the model: %w", err)
	}
	var ignored []Ignored
	for _, key := range slices.Sorted(maps.Keys(t.ignored)) {
		ignored = append(ignored, *t.ignored[key])
	}
	return text, ignored, errors.Join(t.errs...)
}

// node is a mapping of the decoded model.
type node = map[string]any

func tree(project *types.Project) (node, error) {
	data, err := json.Marshal(encode.Tree(project, encode.Handover))
	if err != nil {
		return nil, fmt.Errorf("encode the project: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var in node
	if err := decoder.Decode(&in); err != nil {
		return nil, fmt.Errorf("decode the project: %w", err)
	}
	return in, nil
}

// child is the mapping under key, an empty one when there is none.
func child(n node, key string) node {
	if c, ok := n[key].(node); ok {
		return c
	}
	return node{}
}

// doubled returns value with every $ of a string doubled. Keys are left alone:
// docker interpolates only values.
func doubled(value any) any {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "$", "$$")
	case []any:
		for i := range v {
			v[i] = doubled(v[i])
		}
	case node:
		for k := range v {
			v[k] = doubled(v[k])
		}
	}
	return value
}

type translator struct {
	prefix  string // of the names that compose-go makes up
	version string // the lowest one that knows every key
	ignored map[string]*Ignored
	errs    []error
}

// ignore notes that key of the model has no effect.
func (t *translator) ignore(key string, path ...string) {
	if t.ignored[key] == nil {
		t.ignored[key] = &Ignored{Key: key}
	}
	t.ignored[key].Paths = append(t.ignored[key].Paths, path)
}

// need raises the format's version.
func (t *translator) need(version string) {
	if len(version) > len(t.version) || len(version) == len(t.version) && version > t.version {
		t.version = version
	}
}

// section translates every element of a top-level mapping, in order.
func (t *translator) section(in, out node, name string, element func(string, node) node) {
	elements := child(in, name)
	if len(elements) == 0 {
		return
	}
	translated := node{}
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		translated[key] = element(key, child(elements, key))
	}
	out[name] = translated
}

// keep copies the listed keys and notes the others; path is that of in.
func (t *translator) keep(in node, as string, path []string, keys ...string) node {
	out := node{}
	for _, key := range slices.Sorted(maps.Keys(in)) {
		switch {
		case slices.Contains(keys, key):
			out[key] = in[key]
		case strings.HasPrefix(key, "x-") || blank(in[key]):
		default:
			t.ignore(as+key, append(slices.Clone(path), key)...)
		}
	}
	return out
}

// blank reports a value that says nothing.
func blank(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case node:
		return len(v) == 0
	}
	return false
}

func (t *translator) network(name string, in node) node {
	path := []string{"networks", name}
	if in["external"] == true {
		return node{"external": true, "name": in["name"]}
	}
	out := t.keep(in, "networks.", path, "name", "driver", "driver_opts", "ipam", "internal", "attachable", "labels")
	t.ownName(name, out)
	if ipam := t.keep(child(in, "ipam"), "networks.ipam.", append(path, "ipam"), "driver", "config"); len(ipam) > 0 {
		if pools, ok := ipam["config"].([]any); ok {
			for i, pool := range pools {
				p, _ := pool.(node)
				pools[i] = t.keep(p, "networks.ipam.config.", append(path, "ipam", "config", fmt.Sprint(i)), "subnet")
			}
		}
		out["ipam"] = ipam
	} else {
		delete(out, "ipam")
	}
	return out
}

func (t *translator) volume(name string, in node) node {
	if in["external"] == true {
		return node{"external": true, "name": in["name"]}
	}
	out := t.keep(in, "volumes.", []string{"volumes", name}, "name", "driver", "driver_opts", "labels")
	if cluster, ok := in["x-cluster-spec"]; ok {
		t.need("3.13")
		out["x-cluster-spec"] = cluster
	}
	t.ownName(name, out)
	return out
}

// ownName drops a name that compose-go made up, so that docker makes up the
// stack's.
func (t *translator) ownName(key string, out node) {
	if out["name"] == t.prefix+key {
		delete(out, "name")
	}
}

// external refers to an object that stands in the cluster.
func external(names map[string]string) func(string, node) node {
	return func(key string, _ node) node { return node{"external": true, "name": names[key]} }
}
