package encode_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/schema"
)

// variant is a project in which one key of the Compose schema has one value.
type variant struct {
	key     string // services.ports.published
	section string
	value   map[string]any // an element of the section
}

// element is what holds the variants of a section of the file beside the key at hand.
func element(section string) map[string]any {
	return map[string]map[string]any{
		"services": {"image": "x"}, "jobs": {"image": "x"}, "models": {"model": "x"}, "secrets": {"file": "/x"}, "configs": {"content": "x"},
	}[section]
}

// beside are the keys without which another one of the same mapping means nothing, by the end of the
// mapping's path, or of that of the key itself.
var beside = []struct {
	end  string
	keys map[string]any
}{
	{".volumes", map[string]any{"type": "bind", "source": "/x", "target": "/t"}},
	{".volumes|volume", map[string]any{"type": "volume", "source": "x"}},
	{".volumes|tmpfs", map[string]any{"type": "tmpfs", "source": nil}},
	{".volumes|image", map[string]any{"type": "image", "source": "x"}},
	{".ports", map[string]any{"target": 80}},
	{".secrets", map[string]any{"source": "x"}},
	{".configs", map[string]any{"source": "x"}},
	{".build", map[string]any{"context": "."}},
	{".watch", map[string]any{"path": ".", "action": "sync", "target": "/x"}},
	{".depends_on.*", map[string]any{"condition": "service_started"}},
	{".provider", map[string]any{"type": "x"}},
	{".healthcheck", map[string]any{"test": []any{"CMD", "x"}}},
	{".gpus", map[string]any{"capabilities": []any{"gpu"}}},
	{".devices", map[string]any{"source": "/dev/x", "target": "/dev/y", "permissions": "r"}},
	{".reservations.devices", map[string]any{"capabilities": []any{"gpu"}, "source": nil, "target": nil, "permissions": nil}},
	{".env_file", map[string]any{"path": "/x"}},
	{".pre_start", map[string]any{"command": []any{"x"}}},
	{".discrete_resource_spec", map[string]any{"kind": "x", "value": 1}},
	{"secrets|", map[string]any{"file": "/x"}},
	{"configs|content", map[string]any{"file": nil}},
}

func variants() []variant {
	var root node
	if err := json.Unmarshal([]byte(schema.Schema), &root); err != nil {
		panic(err)
	}
	g := &generator{root: root, seen: map[string]bool{}}
	var all []variant
	for _, section := range []string{"services", "jobs", "networks", "volumes", "secrets", "configs", "models"} {
		for _, c := range g.values(node{"$ref": "#/$defs/" + strings.TrimSuffix(section, "s")}, section) {
			value, ok := c.value.(map[string]any)
			if !ok {
				continue
			}
			all = append(all, variant{c.key, section, value})
		}
	}
	slices.SortStableFunc(all, func(a, b variant) int { return strings.Compare(a.key, b.key) })
	return all
}

// project has the values of variants of one section as its elements, and something of each kind that
// is called x.
func project(variants ...variant) map[string]any {
	p := map[string]any{"services": map[string]any{"x": map[string]any{"image": "x"}}}
	for _, s := range []string{"networks", "volumes", "secrets", "configs", "models"} {
		p[s] = map[string]any{"x": maps.Clone(element(s))}
	}
	for i, v := range variants {
		full := map[string]any{}
		maps.Copy(full, element(v.section))
		maps.Copy(full, v.value)
		if p[v.section] == nil {
			p[v.section] = map[string]any{}
		}
		p[v.section].(map[string]any)["t"+strconv.Itoa(i)] = full
	}
	return p
}

type node = map[string]any

type candidate struct {
	key   string
	value any
}

type generator struct {
	root node
	seen map[string]bool // parts of definitions
}

// values returns values that a schema allows, at least one for each key below it.
func (g *generator) values(n node, key string) []candidate {
	if strings.Count(key, ".") > 8 || strings.HasSuffix(key, ".extends") {
		return nil
	}
	if ref, ok := n["$ref"].(string); ok {
		return g.values(g.definition(ref), key)
	}
	var all []candidate
	for _, word := range []string{"oneOf", "anyOf"} {
		for _, alternative := range list(n[word]) {
			all = append(all, g.values(alternative.(node), key)...)
		}
	}
	if enum := list(n["enum"]); len(enum) > 0 {
		for _, value := range enum {
			all = append(all, candidate{key, value})
		}
		return all
	}
	kinds := list(n["type"])
	if kind, ok := n["type"].(string); ok {
		kinds = []any{kind}
	}
	if n["properties"] != nil || n["allOf"] != nil {
		kinds = append(slices.DeleteFunc(slices.Clone(kinds), func(k any) bool { return k == "object" }), "object")
	}
	for _, kind := range kinds {
		all = append(all, g.ofKind(n, kind, key)...)
	}
	return all
}

func (g *generator) ofKind(n node, kind any, key string) (all []candidate) {
	switch kind {
	case "null":
		return []candidate{{key, nil}}
	case "boolean":
		return []candidate{{key, false}, {key, true}}
	case "number", "integer":
		return []candidate{{key, 0}, {key, 1}, {key, -1}}
	case "string":
		for _, text := range strings.Fields(`x 1s 64m /x x=10.0.0.1 80:80 ./x:/t:ro,z service:x 0440`) {
			all = append(all, candidate{key, text})
		}
		all = append(all, candidate{key, ""}, candidate{key, "a\nb: '\"\\ #"})
		return all
	case "array":
		all = append(all, candidate{key, []any{}})
		items, ok := n["items"].(node)
		if !ok {
			return all
		}
		for _, c := range g.values(items, key) {
			all = append(all, candidate{c.key, []any{c.value}})
		}
		return all
	case "object":
		return g.objects(n, key)
	}
	return nil
}

func (g *generator) objects(n node, key string) []candidate {
	all := []candidate{{key, map[string]any{}}}
	add := func(name string, schema any) {
		s, ok := schema.(node)
		if !ok {
			return
		}
		path := key + "." + name
		for _, c := range g.values(s, path) {
			all = append(all, candidate{c.key, with(key, name, c.value)})
		}
	}
	properties := node{}
	g.properties(n, properties)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		add(name, properties[name])
	}
	for pattern, schema := range mapping(n["patternProperties"]) {
		if pattern != "^x-" {
			for _, c := range g.values(schema.(node), key+".*") {
				all = append(all, candidate{c.key, map[string]any{"x": c.value}})
			}
		}
	}
	if schema, ok := n["additionalProperties"].(node); ok {
		for _, c := range g.values(schema, key+".*") {
			all = append(all, candidate{c.key, map[string]any{"x": c.value}})
		}
	}
	if _, ok := mapping(n["patternProperties"])["^x-"]; ok && len(properties) > 0 {
		all = append(all, candidate{key + ".x-", with(key, "x-k", map[string]any{"a": []any{1, true, nil, "2001-01-01"}})})
	}
	return all
}

// properties adds those of n, and of what it is made of unless these were added before: jobs and
// hooks share them with services, and their type.
func (g *generator) properties(n node, to node) {
	maps.Copy(to, mapping(n["properties"]))
	for _, part := range list(n["allOf"]) {
		if ref := part.(node)["$ref"].(string); !g.seen[ref] {
			g.seen[ref] = true
			g.properties(g.definition(ref), to)
		}
	}
}

func (g *generator) definition(ref string) node {
	return g.root["$defs"].(node)[strings.TrimPrefix(ref, "#/$defs/")].(node)
}

// with returns a mapping of one key, and of those that it needs beside it.
func with(mapping, name string, value any) map[string]any {
	m := map[string]any{}
	for _, b := range beside {
		end, key, exact := strings.Cut(b.end, "|")
		if strings.HasSuffix(mapping, end) && (!exact || key == name) {
			maps.Copy(m, b.keys)
		}
	}
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	m[name] = value
	return m
}

func list(v any) []any   { l, _ := v.([]any); return l }
func mapping(v any) node { n, _ := v.(node); return n }
