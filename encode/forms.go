package encode

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// special returns the value of a type that is not written field by field; ok is false for any other.
// compose-go's own marshallers are not asked: SSHKey's writes no JSON, UlimitsConfig's leaves the
// zeros out that its schema requires, HostsList's puts the addresses of a host in another order.
func (f Form) special(v reflect.Value) (value any, ok bool) {
	switch x := v.Interface().(type) {
	case types.Duration:
		return x.String(), true
	case types.UnitBytes: // a number past 2^53 would not survive every reader
		if x < 0 { // "unlimited", which old docker compose reads as a number only
			return int64(x), true
		}
		return strconv.FormatInt(int64(x), 10), true
	case types.FileMode: // docker compose before 2.30 takes the text "0440" for a decimal number
		return int64(x), true
	case types.HostsList:
		return hosts(x), true
	case types.ShellCommand:
		if x == nil {
			return nil, true
		}
		return f.tree(reflect.ValueOf([]string(x))), true
	case types.SSHConfig:
		return ssh(x), true
	case types.UlimitsConfig:
		return ulimit(x), true
	case types.DeviceMapping:
		return f.device(v, x), true
	case types.DeviceRequest:
		return f.deviceRequest(v, x), true
	case types.ServiceVolumeConfig:
		return f.volume(v, x), true
	case types.Trigger:
		return f.trigger(v, x), true
	case types.SecretConfig:
		x.Content = "" // a copy that compose-go makes of the variable
		return f.fields(reflect.ValueOf(types.FileObjectConfig(x))), true
	case types.ConfigObjConfig:
		return f.config(x), true
	}
	return text(v)
}

// config writes an empty content, without which a config has no source.
func (f Form) config(c types.ConfigObjConfig) map[string]any {
	if c.Environment != "" {
		c.Content = "" // a copy that compose-go makes of the variable
	}
	m := f.fields(reflect.ValueOf(types.FileObjectConfig(c)))
	if c.File == "" && c.Environment == "" && c.Driver == "" && !bool(c.External) {
		m["content"] = c.Content
	}
	return m
}

// hosts returns the entries of extra_hosts, those of one host in the order of the file.
func hosts(list types.HostsList) []any {
	entries := []any{}
	for _, host := range slices.Sorted(maps.Keys(list)) {
		for _, ip := range list[host] {
			entries = append(entries, host+"="+ip)
		}
	}
	return entries
}

// ssh returns a list where it can: as an element of one, a key without a path is "default".
func ssh(keys types.SSHConfig) any {
	list, m := []any{}, map[string]any{}
	for _, key := range keys {
		switch {
		case key.Path != "":
			list, m[key.ID] = append(list, key.ID+"="+key.Path), key.Path
		case key.ID == "default":
			list, m[key.ID] = append(list, key.ID), nil
		default:
			m[key.ID] = nil
		}
	}
	if len(list) < len(m) {
		return m
	}
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	return list
}

func ulimit(u types.UlimitsConfig) any {
	if u.Single != 0 {
		return u.Single
	}
	return map[string]any{"soft": u.Soft, "hard": u.Hard}
}

// device returns the short form where it says the same: docker compose before 2.30 knows no other.
func (f Form) device(v reflect.Value, d types.DeviceMapping) any {
	if f != Handover || len(d.Extensions) > 0 || d.Source == "" || d.Target == "" || d.Permissions == "" || strings.Contains(d.Source+d.Target+d.Permissions, ":") {
		return f.fields(v)
	}
	if d.Source == d.Target && d.Permissions == "rwm" {
		return d.Source
	}
	return d.Source + ":" + d.Target + ":" + d.Permissions
}

// volume leaves create_host_path out where nothing of this machine is mounted: docker compose has it for bind mounts only.
func (f Form) volume(v reflect.Value, x types.ServiceVolumeConfig) map[string]any {
	m := f.fields(v)
	if x.Bind != nil && x.Type != types.VolumeTypeBind && bool(x.Bind.CreateHostPath) {
		delete(m["bind"].(map[string]any), "create_host_path")
	}
	return m
}

// deviceRequest writes a count of 0: without count and device_ids docker compose asks for all devices.
func (f Form) deviceRequest(v reflect.Value, d types.DeviceRequest) map[string]any {
	m := f.fields(v)
	if len(d.IDs) == 0 {
		m["count"] = int64(d.Count)
	}
	return m
}

// trigger writes initial_sync under the name that docker compose before 2.39 has for it, which later
// ones read as well.
func (f Form) trigger(v reflect.Value, t types.Trigger) map[string]any {
	m := f.fields(v)
	if t.InitialSync {
		delete(m, "initial_sync")
		m["x-initialSync"] = true
	}
	return m
}
