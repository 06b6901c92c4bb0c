package swarm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// serviceKeys are the keys of a service that mean the same in both formats.
var serviceKeys = []string{
	"cap_add", "cap_drop", "command", "configs", "credential_spec", "deploy", "dns", "dns_search", "entrypoint",
	"environment", "extra_hosts", "healthcheck", "hostname", "image", "init", "isolation", "labels", "logging",
	"networks", "oom_score_adj", "ports", "read_only", "secrets", "stdin_open", "stop_grace_period", "stop_signal",
	"sysctls", "tmpfs", "tty", "ulimits", "user", "volumes", "working_dir",
}

// appliedKeys have had their effect before the model gets here.
var appliedKeys = []string{"profiles", "scale", "env_file", "label_file", "extends", "name"}

func (t *translator) service(name string, in node) node {
	path := []string{"services", name}
	if in["image"] == nil || in["image"] == "" {
		t.errs = append(t.errs, fmt.Errorf("services.%s has no image, and Swarm builds none: build and push one, then name it with image", name))
	}
	in = maps.Clone(in)
	scale, depends := in["scale"], child(in, "depends_on")
	for _, key := range append(slices.Clone(appliedKeys), "depends_on") {
		delete(in, key)
	}
	out := t.keep(in, "", path, serviceKeys...)
	for _, key := range []string{"command", "entrypoint"} {
		if out[key] == nil {
			delete(out, key)
		}
	}
	if len(depends) > 0 { // docker takes a list, and has no use for it
		names := []any{}
		for _, d := range slices.Sorted(maps.Keys(depends)) {
			names = append(names, d)
		}
		out["depends_on"] = names
		t.ignore("depends_on", append(path, "depends_on")...)
	}
	if out["oom_score_adj"] != nil {
		t.need("3.13")
	}
	deploy := t.deploy(child(in, "deploy"), append(slices.Clone(path), "deploy"))
	if scale != nil && deploy["replicas"] == nil && deploy["mode"] != "global" {
		deploy["replicas"] = scale
	}
	out["deploy"] = deploy
	t.lists(in, out, path)
	if networks := t.attachments(child(in, "networks"), path); networks != nil {
		out["networks"] = networks
	}
	if check := child(in, "healthcheck"); len(check) > 0 {
		if check["start_interval"] != nil {
			t.need("3.12")
		}
		out["healthcheck"] = check
	}
	return out
}

// lists translates what stands in lists of mappings.
func (t *translator) lists(in, out node, path []string) {
	each := func(key string, one func(node, []string) any) {
		list, ok := in[key].([]any)
		if !ok {
			return
		}
		translated := make([]any, len(list))
		for i, element := range list {
			n, _ := element.(node)
			translated[i] = one(n, append(slices.Clone(path), key, strconv.Itoa(i)))
		}
		out[key] = translated
	}
	each("ports", t.port)
	each("volumes", t.mount)
	each("secrets", func(in node, path []string) any {
		out := maps.Clone(in)
		if name, ok := strings.CutPrefix(fmt.Sprint(out["target"]), "/run/secrets/"); ok && !strings.Contains(name, "/") {
			out["target"] = name // as docker stack deploy itself has it
		}
		return out
	})
	each("configs", func(in node, path []string) any { return in })
	if hosts, ok := in["extra_hosts"].([]any); ok {
		translated := make([]any, len(hosts))
		for i, h := range hosts {
			translated[i] = strings.Replace(fmt.Sprint(h), "=", ":", 1) // old versions of docker know no "="
		}
		out["extra_hosts"] = translated
	}
}

// port has an integer where Compose has a string.
func (t *translator) port(in node, path []string) any {
	out := t.keep(in, "ports.", path, "mode", "target", "published", "protocol")
	if text, ok := out["published"].(string); ok {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			t.errs = append(t.errs, fmt.Errorf("services.%s: published port %q is no single port, which Swarm needs: write one number", path[1], text))
		}
		out["published"] = n
	}
	if out["published"] == nil {
		delete(out, "published")
	}
	return out
}

func (t *translator) mount(in node, path []string) any {
	out := t.keep(in, "volumes.", path, "type", "source", "target", "read_only", "consistency", "bind", "volume", "tmpfs")
	for key, keys := range map[string][]string{"bind": {"propagation"}, "volume": {"nocopy"}, "tmpfs": {"size"}} {
		options := maps.Clone(child(in, key))
		delete(options, "create_host_path") // the default of the short form; Swarm never does
		options = t.keep(options, "volumes."+key+".", append(slices.Clone(path), key), keys...)
		if size, ok := options["size"].(string); ok {
			options["size"] = json.Number(size)
		}
		if delete(out, key); len(options) > 0 {
			out[key] = options
		}
	}
	return out
}

func (t *translator) attachments(in node, path []string) any {
	if len(in) == 0 {
		return nil
	}
	out := node{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		out[name] = nil
		if settings := child(in, name); len(settings) > 0 {
			out[name] = t.keep(settings, "networks.", append(slices.Clone(path), "networks", name), "aliases", "driver_opts", "ipv4_address", "ipv6_address")
			if settings["driver_opts"] != nil {
				t.need("3.13")
			}
		}
	}
	return out
}

func (t *translator) deploy(in node, path []string) node {
	out := t.keep(in, "deploy.", path, "mode", "endpoint_mode", "replicas", "labels", "update_config", "rollback_config", "resources", "restart_policy", "placement")
	resources := child(in, "resources")
	if len(resources) == 0 {
		return out
	}
	path = append(slices.Clone(path), "resources")
	translated := node{}
	for kind, keys := range map[string][]string{"limits": {"cpus", "memory", "pids"}, "reservations": {"cpus", "memory", "generic_resources"}} {
		n := t.keep(child(resources, kind), "deploy.resources."+kind+".", append(slices.Clone(path), kind), keys...)
		if cpus, ok := n["cpus"]; ok {
			n["cpus"] = fmt.Sprint(cpus)
		}
		if len(n) > 0 {
			translated[kind] = n
		}
	}
	out["resources"] = translated
	return out
}
