package encode

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// formOf returns the value of a type that is not written field by field; ok is false for any other.
// compose-go's own marshallers are not asked: SSHKey's writes no JSON, UlimitsConfig's leaves the
// zeros out that its schema requires, HostsList's puts the addresses of a host in another order.
func formOf(v reflect.Value) (form any, ok bool) {
	switch x := v.Interface().(type) {
	case types.Duration:
		return x.String(), true
	case types.UnitBytes: // a number past 2^53 would not survive every reader
		return strconv.FormatInt(int64(x), 10), true
	case types.FileMode: // docker compose before 2.30 takes the text "0440" for a decimal number
		return int64(x), true
	case types.HostsList:
		return hosts(x), true
	case types.SSHConfig:
		return ssh(x), true
	case types.UlimitsConfig:
		return ulimit(x), true
	case types.DeviceMapping:
		return device(v, x), true
	case types.DeviceRequest:
		return deviceRequest(v, x), true
	case types.Trigger:
		return trigger(v, x), true
	case types.SecretConfig:
		x.Content = "" // a copy that compose-go makes of a variable
		return fields(reflect.ValueOf(types.FileObjectConfig(x))), true
	case types.ConfigObjConfig:
		if x.Environment != "" {
			x.Content = "" // likewise
		}
		return fields(reflect.ValueOf(types.FileObjectConfig(x))), true
	}
	return text(v)
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

// ssh returns a mapping: as a list, a key without a path could only be "default".
func ssh(keys types.SSHConfig) map[string]any {
	m := make(map[string]any, len(keys))
	for _, key := range keys {
		m[key.ID] = key.Path
	}
	return m
}

func ulimit(u types.UlimitsConfig) any {
	if u.Single != 0 {
		return u.Single
	}
	return map[string]any{"soft": u.Soft, "hard": u.Hard}
}

// device returns the short form where it says the same: docker compose before 2.30 knows no other.
func device(v reflect.Value, d types.DeviceMapping) any {
	if len(d.Extensions) > 0 || d.Source == "" || d.Target == "" || d.Permissions == "" || strings.Contains(d.Source+d.Target+d.Permissions, ":") {
		return fields(v)
	}
	if d.Source == d.Target && d.Permissions == "rwm" {
		return d.Source
	}
	return d.Source + ":" + d.Target + ":" + d.Permissions
}

// deviceRequest writes a count of 0: without count and device_ids docker compose asks for all devices.
func deviceRequest(v reflect.Value, d types.DeviceRequest) map[string]any {
	m := fields(v)
	if len(d.IDs) == 0 {
		m["count"] = int64(d.Count)
	}
	return m
}

// trigger writes initial_sync under the name that docker compose before 2.39 has for it, which later
// ones read as well.
func trigger(v reflect.Value, t types.Trigger) map[string]any {
	m := fields(v)
	if t.InitialSync {
		delete(m, "initial_sync")
		m["x-initialSync"] = true
	}
	return m
}
