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
	e := encoder{form, forms(), map[reflect.Type]*layout{}}
	return e.fields(reflect.ValueOf(project).Elem())
}

// encoder writes one model. It looks at each type once: a project has few types and many values of each.
type encoder struct {
	Form
	forms   map[reflect.Type]form
	layouts map[reflect.Type]*layout
}

// layout is what the type of a value says about its form.
type layout struct {
	form   form    // nil for a type that is written by its kind
	text   bool    // it encodes itself as text, such as a date in an x- key
	fields []field // of a struct
}

// field is a field of a struct that is part of the model.
type field struct {
	index    int
	key      string // "" for one whose own fields or keys are those of the struct
	always   bool   // it is written whatever its value
	embedded bool
}

func (e encoder) layout(t reflect.Type) *layout {
	if known, ok := e.layouts[t]; ok {
		return known
	}
	l := &layout{form: e.forms[t], text: t.Implements(reflect.TypeFor[encoding.TextMarshaler]())}
	e.layouts[t] = l
	if t.Kind() != reflect.Struct {
		return l
	}
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case f.Anonymous:
			l.fields = append(l.fields, field{index: i, embedded: true})
		case !f.IsExported():
		case f.Type == reflect.TypeFor[types.Extensions]():
			l.fields = append(l.fields, field{index: i})
		default:
			if key, always := keyOf(f); key != "" {
				l.fields = append(l.fields, field{index: i, key: key, always: always})
			}
		}
	}
	return l
}

// tree returns v as a plain value.
func (e encoder) tree(v reflect.Value) any {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if l := e.layout(v.Type()); l.form != nil {
		return l.form(e, v)
	} else if l.text {
		if data, err := v.Interface().(encoding.TextMarshaler).MarshalText(); err == nil {
			return string(data)
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		return e.fields(v)
	case reflect.Map:
		m := make(map[string]any, v.Len())
		for i := v.MapRange(); i.Next(); {
			m[i.Key().String()] = e.tree(i.Value())
		}
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = e.tree(v.Index(i))
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
func (e encoder) fields(v reflect.Value) map[string]any {
	m := map[string]any{}
	e.addFields(v, m)
	return m
}

func (e encoder) addFields(v reflect.Value, m map[string]any) {
	for _, f := range e.layout(v.Type()).fields {
		value := v.Field(f.index)
		switch {
		case f.embedded:
			e.addFields(value, m)
		case f.key != "":
			if f.always || !e.isUnset(value) {
				m[f.key] = e.tree(value)
			}
		case value.Len() > 0:
			for key, extension := range value.Interface().(types.Extensions) {
				if strings.HasPrefix(key, "x-") {
					m[key] = e.tree(reflect.ValueOf(extension))
				}
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
	case field.Type == reflect.TypeFor[types.OptOut](): // docker compose before 5 takes a missing create_host_path for false
		return key, true
	}
	return key, !slices.ContainsFunc(strings.Split(options, ","), func(option string) bool { return option == "omitempty" || option == "omitzero" })
}

// isUnset reports whether the absence of a key means the same as value.
func (f Form) isUnset(value reflect.Value) bool {
	if value.Type() == reflect.TypeFor[types.ShellCommand]() {
		return value.IsNil() && f != JSON // an empty one takes away that of the image
	}
	switch value.Kind() {
	case reflect.Map, reflect.Slice:
		return value.Len() == 0
	case reflect.Struct:
		return value.IsZero() && f != JSON
	}
	return value.IsZero()
}
