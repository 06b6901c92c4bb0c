package encode

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// forms returns the types that are not written field by field, and how each is.
// compose-go's own marshallers are not asked: SSHKey's writes no JSON, UlimitsConfig's leaves the
// zeros out that its schema requires, HostsList's puts the addresses of a host in another order.
func forms() map[reflect.Type]form {
	m := map[reflect.Type]form{}
	add(m, func(_ encoder, d types.Duration) any { return d.String() })
	add(m, encoder.bytes)
	add(m, func(_ encoder, mode types.FileMode) any { return int64(mode) }) // docker compose before 2.30 takes the text "0440" for a decimal number
	add(m, encoder.hosts)
	add(m, encoder.command)
	add(m, encoder.ssh)
	add(m, encoder.ulimit)
	add(m, encoder.device)
	add(m, encoder.deviceRequest)
	add(m, encoder.volume)
	add(m, encoder.trigger)
	add(m, encoder.secret)
	add(m, encoder.config)
	return m
}

// form returns the plain value of one type.
type form func(encoder, reflect.Value) any

func add[T any](m map[reflect.Type]form, write func(encoder, T) any) {
	m[reflect.TypeFor[T]()] = func(e encoder, v reflect.Value) any { return write(e, v.Interface().(T)) }
}

// bytes returns text, since a number past 2^53 would not survive every reader.
func (encoder) bytes(x types.UnitBytes) any {
	if x < 0 { // "unlimited", which old docker compose reads as a number only
		return int64(x)
	}
	return strconv.FormatInt(int64(x), 10)
}

func (e encoder) command(x types.ShellCommand) any {
	if x == nil {
		return nil
	}
	return e.tree(reflect.ValueOf([]string(x)))
}

func (e encoder) secret(s types.SecretConfig) any {
	s.Content = "" // a copy that compose-go makes of the variable
	return e.fields(reflect.ValueOf(types.FileObjectConfig(s)))
}

// config writes an empty content, without which a config has no source.
func (e encoder) config(c types.ConfigObjConfig) any {
	if c.Environment != "" {
		c.Content = "" // a copy that compose-go makes of the variable
	}
	m := e.fields(reflect.ValueOf(types.FileObjectConfig(c)))
	if c.File == "" && c.Environment == "" && c.Driver == "" && !bool(c.External) {
		m["content"] = c.Content
	}
	return m
}

// hosts returns the entries of extra_hosts, those of one host in the order of the file.
func (encoder) hosts(list types.HostsList) any {
	entries := []any{}
	for _, host := range slices.Sorted(maps.Keys(list)) {
		for _, ip := range list[host] {
			entries = append(entries, host+"="+ip)
		}
	}
	return entries
}

// ssh returns a list where it can: as an element of one, a key without a path is "default".
func (encoder) ssh(keys types.SSHConfig) any {
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

func (encoder) ulimit(u types.UlimitsConfig) any {
	if u.Single != 0 {
		return u.Single
	}
	return map[string]any{"soft": u.Soft, "hard": u.Hard}
}

// device returns the short form where it says the same: docker compose before 2.30 knows no other.
func (e encoder) device(d types.DeviceMapping) any {
	if e.Form != Handover || len(d.Extensions) > 0 || d.Source == "" || d.Target == "" || d.Permissions == "" || strings.Contains(d.Source+d.Target+d.Permissions, ":") {
		return e.fields(reflect.ValueOf(d))
	}
	if d.Source == d.Target && d.Permissions == "rwm" {
		return d.Source
	}
	return d.Source + ":" + d.Target + ":" + d.Permissions
}

// volume leaves create_host_path out where nothing of this machine is mounted: docker compose has it for bind mounts only.
func (e encoder) volume(x types.ServiceVolumeConfig) any {
	m := e.fields(reflect.ValueOf(x))
	if x.Bind != nil && x.Type != types.VolumeTypeBind && bool(x.Bind.CreateHostPath) {
		delete(m["bind"].(map[string]any), "create_host_path")
	}
	return m
}

// deviceRequest writes a count of 0: without count and device_ids docker compose asks for all devices.
func (e encoder) deviceRequest(d types.DeviceRequest) any {
	m := e.fields(reflect.ValueOf(d))
	if len(d.IDs) == 0 {
		m["count"] = int64(d.Count)
	}
	return m
}

// trigger writes initial_sync under the name that docker compose before 2.39 has for it, which later
// ones read as well.
func (e encoder) trigger(t types.Trigger) any {
	m := e.fields(reflect.ValueOf(t))
	if t.InitialSync {
		delete(m, "initial_sync")
		m["x-initialSync"] = true
	}
	return m
}
