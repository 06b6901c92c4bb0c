// Package encode writes the model of compose-go as a tree of plain values: what JSON and YAML are
// made of. It keeps what compose-go's own marshallers lose or break, and writes each key in a form
// that every docker compose that this tool works with reads.
//
// It reads no file and knows of no secret.
package encode

import (
	"encoding"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Form is how what can be written in several ways is written.
type Form int

const (
	// Handover is the way that the oldest docker compose reads, and nothing that nobody set.
	Handover Form = iota
	// JSON is as docker compose config --format json prints it: empty mappings, commands that are null.
	JSON
	// YAML is as docker compose config prints it.
	YAML
)

// Tree returns project as mappings (map[string]any), lists ([]any), strings, numbers, booleans and
// nil. It shares nothing with project. A key is left out when docker compose reads its absence as
// the same: a nil pointer, map or list, and a zero of a field that has no third state. Keys are
// those of the Compose specification: https://github.com/compose-spec/compose-spec/blob/main/spec.md.
func Tree(project *types.Project, form Form) map[string]any {
	return form.fields(reflect.ValueOf(project).Elem())
}

// tree returns v as a plain value.
func (f Form) tree(v reflect.Value) any {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if special, ok := f.special(v); ok {
		return special
	}
	switch v.Kind() {
	case reflect.Struct:
		return f.fields(v)
	case reflect.Map:
		m := make(map[string]any, v.Len())
		for i := v.MapRange(); i.Next(); {
			m[i.Key().String()] = f.tree(i.Value())
		}
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = f.tree(v.Index(i))
		}
		return list
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	}
	return v.Interface() // a number
}

// fields returns the mapping of a struct.
func (f Form) fields(v reflect.Value) map[string]any {
	m := map[string]any{}
	f.addFields(v, m)
	return m
}

func (f Form) addFields(v reflect.Value, m map[string]any) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		value := v.Field(i)
		switch {
		case field.Anonymous:
			f.addFields(value, m)
		case !field.IsExported():
		case field.Type == reflect.TypeFor[types.Extensions]():
			for key, extension := range value.Interface().(types.Extensions) {
				if strings.HasPrefix(key, "x-") {
					m[key] = f.tree(reflect.ValueOf(extension))
				}
			}
		default:
			if key, always := keyOf(field); key != "" && (always || !f.isUnset(value)) {
				m[key] = f.tree(value)
			}
		}
	}
}

// keyOf returns the key of a field, "" for one that is no part of the model, and whether it is
// written whatever its value.
func keyOf(field reflect.StructField) (key string, always bool) {
	tag, ok := field.Tag.Lookup("json")
	if !ok {
		if tag, ok = field.Tag.Lookup("yaml"); !ok {
			return strings.ToLower(field.Name), true
		}
	}
	key, options, _ := strings.Cut(tag, ",")
	switch {
	case key == "-":
		return "", false
	case field.Type == reflect.TypeFor[types.ShellCommand](): // required in JSON only because nil and empty differ
		return key, false
	case field.Type == reflect.TypeFor[types.OptOut](): // docker compose before 2.31 takes a missing create_host_path for false
		return key, true
	}
	return key, !slices.ContainsFunc(strings.Split(options, ","), func(option string) bool { return option == "omitempty" || option == "omitzero" })
}

// isUnset reports whether the absence of a key means the same as value.
func (f Form) isUnset(value reflect.Value) bool {
	if command, ok := value.Interface().(types.ShellCommand); ok {
		return command == nil && f != JSON // an empty one takes away that of the image
	}
	switch value.Kind() {
	case reflect.Map, reflect.Slice:
		return value.Len() == 0
	case reflect.Struct:
		return value.IsZero() && f != JSON
	}
	return value.IsZero()
}

// text returns what a type that encodes itself as text says, such as a date in an x- key.
func text(v reflect.Value) (string, bool) {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if data, err := m.MarshalText(); err == nil {
			return string(data), true
		}
	}
	return "", false
}
