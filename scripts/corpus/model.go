package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// model is a project as docker compose prints it in JSON.
type model map[string]any

func parseModel(text string) model {
	var m model
	if json.Unmarshal([]byte(text), &m) != nil {
		return nil
	}
	return m
}

// section returns a mapping below keys; nil if there is none.
func section(m map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		m, _ = m[key].(map[string]any)
	}
	return m
}

const (
	redacted = "[redacted]" // what cannot move, which config says
	maxCPU   = 5 * time.Second
)

// checkWay compares config with docker compose's own model, and runs plan and lint.
func (p *project) checkWay(ctx context.Context, w *way) {
	dir := filepath.Join(p.dir, w.from)
	p.checkConfig(ctx, w, dir, "json", 0)
	p.checkHandover(ctx, w, dir)
	if !w.profile {
		p.checkConfig(ctx, w, dir, "yaml", len(p.plugins)-1)
	}
	if w.profile {
		return
	}
	for _, command := range []string{"plan", "lint"} {
		r := p.secure(ctx, 0, dir, append(slices.Clone(w.flags), command)...)
		switch {
		case r.code != 0 && r.code != 1:
			p.say(p.shown(), w.flags, kindOf(command, r), r.last())
		case r.cpu > maxCPU:
			p.say(p.shown(), w.flags, command, fmt.Sprintf("takes %s of processor time", r.cpu))
		}
	}
}

// kindOf tells what is refused by design, a secret where none can be, from what fails.
func kindOf(command string, r *result) string {
	if strings.Contains(r.last(), "is a secret, and") {
		return "refused"
	}
	return command
}

// fed returns how a plugin prints a model that it is given, or what is wrong with it.
func (p *project) fed(ctx context.Context, w *way, plugin int, dir, text string) (model, string) {
	flags := []string{"-f", "-", "config", "--format", "json"}
	if w.profile {
		flags = append(slices.Clone(w.flags[:2]), flags...)
	}
	r := p.plugin(ctx, plugin, dir, nil, []byte(text), flags...)
	if m := parseModel(r.out); r.code == 0 && m != nil {
		return m, ""
	}
	return nil, r.last()
}

// checkConfig compares what config prints with what plugins from a first one on take it for.
func (p *project) checkConfig(ctx context.Context, w *way, dir, format string, first int) {
	r := p.secure(ctx, 0, dir, append(slices.Clone(w.flags), "config", "--format", format)...)
	if r.code != 0 {
		p.say(p.shown(), w.flags, kindOf("config", r), r.last())
		return
	}
	p.compare(ctx, w, dir, "config", r, first)
	for _, value := range p.sent {
		if strings.Contains(r.out, value) && !strings.Contains(r.err, "secret") {
			p.say(p.shown(), w.flags, "config", "a made-up secret is printed without a warning")
			break
		}
	}
}

// checkHandover compares the model that docker compose is given.
func (p *project) checkHandover(ctx context.Context, w *way, dir string) {
	r := p.secure(ctx, len(p.plugins), dir, append(slices.Clone(w.flags), "ps")...)
	if r.code != 0 {
		p.say(p.shown(), w.flags, kindOf("ps", r), r.last())
		return
	}
	p.compare(ctx, w, dir, "handed over", r, 0)
}

// compare has plugins from a first one on read a model, and compares it with docker compose's own.
func (p *project) compare(ctx context.Context, w *way, dir, kind string, r *result, first int) {
	warned := r.err != ""
	for i := first; i < len(p.plugins); i++ {
		got, err := p.fed(ctx, w, i, dir, r.out)
		if err != "" {
			p.say(p.shown(), w.flags, kind+" fed back", fmt.Sprintf("plugin %d: %s", i+1, err))
			continue
		}
		list := differences(w.before[i], got, warned)
		if len(list) > 0 { // docker compose changes its own output as well
			if own, _ := p.fed(ctx, w, i, dir, w.raw[i]); own != nil {
				list = differences(own, got, warned)
			}
		}
		newest := differences(w.before[len(w.before)-1], got, warned) // what versions of docker compose differ in is no loss
		for _, d := range list {
			if slices.ContainsFunc(newest, func(n string) bool { return place(n) == place(d) }) && !shownAsIs(d, r.err) {
				p.say(p.shown(), w.flags, kind, d)
			}
		}
	}
}

// place returns what a difference is about.
func place(difference string) string {
	key, _, _ := strings.Cut(difference, ": ")
	return key
}

// shownAsIs reports whether a difference is about the command of a service whose image is not here: config says that
// it does not wrap it, and shows the secrets in it as variables.
func shownAsIs(difference, stderr string) bool {
	service, key, _ := strings.Cut(difference, ".")
	return strings.HasPrefix(key, "command") && strings.Contains(stderr, "services."+service+": image ")
}

// differences lists what differs between two models but for the moves. warned allows that values are redacted.
func differences(want, got model, warned bool) []string {
	var list []string
	for _, top := range []string{"networks", "volumes"} {
		if !same(want[top], got[top], warned) {
			list = append(list, top+brief(want[top], got[top]))
		}
	}
	for _, top := range []string{"secrets", "configs"} {
		for _, name := range slices.Sorted(maps.Keys(section(want, top))) {
			w, g := section(want, top, name), section(got, top, name)
			if g == nil || !same(w, g, warned) && w["environment"] == nil && w["content"] == nil {
				list = append(list, top+"."+name+brief(w, g))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(section(want, "services"))) {
		w, g := section(want, "services", name), section(got, "services", name)
		if g == nil {
			list = append(list, "service "+name+" is gone")
			continue
		}
		for _, d := range serviceDifferences(w, g, warned) {
			list = append(list, name+"."+d)
		}
	}
	return list
}

// moves are the keys that change where a secret leaves a service.
var moves = []string{"environment", "secrets", "entrypoint", "command", "healthcheck", "post_start", "pre_stop", "configs"}

func serviceDifferences(want, got map[string]any, warned bool) []string {
	var list []string
	moved := !reflect.DeepEqual(want["secrets"], got["secrets"])
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch {
		case key == "environment":
			list = append(list, variableDifferences(section(want, key), section(got, key), moved, warned)...)
		case key == "secrets" || moved && slices.Contains(moves, key):
		case !same(want[key], got[key], warned):
			list = append(list, key+brief(want[key], got[key]))
		}
	}
	return list
}

func variableDifferences(want, got map[string]any, moved, warned bool) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value, ok := got[name]
		switch {
		case !ok && !moved:
			list = append(list, "environment."+name+" is gone")
		case ok && !same(want[name], value, warned) && (!moved || !strings.Contains(fmt.Sprint(value), "/run/secrets/")):
			list = append(list, "environment."+name+" differs")
		}
	}
	return list
}

// same reports whether two values are equal where none is redacted; an absent one equals an empty one.
func same(a, b any, warned bool) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok && b != nil {
			return false
		}
		keys := maps.Clone(x)
		maps.Copy(keys, y)
		delete(keys, "create_host_path") // true where it is missing, but in the long form of docker compose before 5
		for key := range keys {
			if !same(x[key], y[key], warned) {
				return false
			}
		}
		return x["create_host_path"] != false && y["create_host_path"] != false || reflect.DeepEqual(x["create_host_path"], y["create_host_path"])
	case []any:
		y, _ := b.([]any)
		return slices.EqualFunc(x, y, func(a, b any) bool { return same(a, b, warned) })
	case nil:
		return b == nil || isEmpty(b)
	}
	if text, ok := b.(string); ok && warned && strings.Contains(text, redacted) {
		return true
	}
	return reflect.DeepEqual(a, b) || b == nil && isEmpty(a)
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		return !slices.ContainsFunc(slices.Collect(maps.Values(x)), func(v any) bool { return v != nil && !isEmpty(v) })
	case []any:
		return len(x) == 0
	}
	return v == nil
}

func brief(want, got any) string {
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	return fmt.Sprintf(": %.120s -> %.120s", a, b)
}
