package compose

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Text is a string of a model, or the strings of one of its lists.
type Text struct {
	Path      []string // of the string, or of the list
	Named     bool     // the last element of Path, or the key itself, is a name that the user chose for a text
	Key       bool     // it is the key of a mapping; Path is that of the mapping
	Extension bool     // it stands below an x- key
	Values    []string // one, but for a list
}

// EachText calls change for every string of project that docker compose gets to see, keys that a user
// chose and those below x- keys among them, and puts what it returns in its place: a slice as long as Text.Values, or nil to leave it.
// A list of strings is one call, since a command line means something only as a whole.
func EachText(project *types.Project, change func(Text) []string) {
	w := walker{change: change, fields: map[reflect.Type][]textField{}}
	w.value(reflect.ValueOf(project), nil, false)
}

// DropExtensions takes every x- key out of project, at any depth. docker compose has no use for them.
func DropExtensions(project *types.Project) {
	extensions := reflect.TypeFor[types.Extensions]()
	var drop func(v reflect.Value) bool
	// drop reports whether v is a value in a map or an interface that has to be set again.
	drop = func(v reflect.Value) bool {
		switch v.Kind() {
		case reflect.Pointer:
			return !v.IsNil() && drop(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				switch f := v.Field(i); {
				case !v.Type().Field(i).IsExported():
				case f.Type() == extensions:
					f.SetZero()
				default:
					drop(f)
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				drop(v.Index(i))
			}
		case reflect.Map:
			if k := v.Type().Elem().Kind(); k != reflect.Struct && k != reflect.Pointer && k != reflect.Slice {
				return true
			}
			for _, key := range v.MapKeys() {
				element := reflect.New(v.Type().Elem()).Elem()
				element.Set(v.MapIndex(key))
				drop(element)
				v.SetMapIndex(key, element)
			}
		default:
		}
		return true
	}
	drop(reflect.ValueOf(project))
}

type walker struct {
	change    func(Text) []string
	fields    map[reflect.Type][]textField // of the structs that were met: there are few types and many values
	only      map[string]bool              // the keys of structs that it looks into; nil is all
	extension bool                         // what it visits stands below an x- key
}

// textField is a field of a struct that may hold text.
type textField struct {
	index     int
	name      string // "" for one whose text has the path of the struct: inlined, or an element such as SSHKey with a text form of its own
	extension bool   // it has the x- keys
}

func (w walker) fieldsOf(t reflect.Type) []textField {
	if known, ok := w.fields[t]; ok {
		return known
	}
	list := []textField{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		extension := field.Type == reflect.TypeFor[types.Extensions]()
		if !field.IsExported() || name == "-" {
			continue
		}
		if extension || strings.Contains(options, "inline") {
			name = ""
		}
		list = append(list, textField{i, name, extension})
	}
	w.fields[t] = list
	return list
}

// value visits v, which can be set unless it is the root.
func (w walker) value(v reflect.Value, path []string, named bool) {
	switch v.Kind() {
	case reflect.Pointer:
		w.pointer(v, path, named)
	case reflect.Interface:
		if !v.IsNil() {
			inner := reflect.New(v.Elem().Type()).Elem()
			inner.Set(v.Elem())
			w.value(inner, path, named)
			v.Set(inner)
		}
	case reflect.String:
		if changed := w.change(Text{Path: path, Named: named, Extension: w.extension, Values: []string{v.String()}}); changed != nil {
			v.SetString(changed[0])
		}
	case reflect.Struct:
		w.structure(v, path)
	case reflect.Slice:
		w.list(v, path)
	case reflect.Map:
		w.mapping(v, path)
	default:
	}
}

// pointer copies a string before it changes, since models share them.
func (w walker) pointer(v reflect.Value, path []string, named bool) {
	if v.IsNil() {
		return
	}
	if v.Elem().Kind() == reflect.String {
		own := reflect.New(v.Elem().Type())
		own.Elem().Set(v.Elem())
		w.value(own.Elem(), path, named)
		v.Set(own)
		return
	}
	w.value(v.Elem(), path, named)
}

func (w walker) structure(v reflect.Value, path []string) {
	for _, field := range w.fieldsOf(v.Type()) {
		value := v.Field(field.index)
		if value.IsZero() || w.only != nil && field.name != "" && !w.only[field.name] {
			continue // most are zero, and hold no text
		}
		at := path
		if field.name != "" {
			at = append(slices.Clone(path), field.name)
		}
		below := w
		below.extension = w.extension || field.extension
		below.value(value, at, false)
	}
}

func (w walker) list(v reflect.Value, path []string) {
	if v.Type().Elem().Kind() != reflect.String {
		for i := range v.Len() {
			w.value(v.Index(i), append(slices.Clone(path), strconv.Itoa(i)), false)
		}
		return
	}
	if v.Len() == 0 {
		return
	}
	values := make([]string, v.Len())
	for i := range values {
		values[i] = v.Index(i).String()
	}
	changed := w.change(Text{Path: path, Extension: w.extension, Values: values})
	if changed == nil {
		return
	}
	own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range values {
		own.Index(i).SetString(changed[i])
	}
	v.Set(own)
}

func (w walker) mapping(v reflect.Value, path []string) {
	if v.Type().Key().Kind() != reflect.String || v.IsNil() {
		return
	}
	element := v.Type().Elem()
	named := element.Kind() == reflect.String || element.Kind() == reflect.Interface || element.Kind() == reflect.Pointer && element.Elem().Kind() == reflect.String
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		value := reflect.New(element).Elem()
		value.Set(v.MapIndex(key))
		w.value(value, append(slices.Clone(path), key.String()), named)
		into := key
		if changed := w.change(Text{Path: path, Named: named, Key: true, Extension: w.extension, Values: []string{key.String()}}); changed != nil && changed[0] != key.String() {
			v.SetMapIndex(key, reflect.Value{})
			into = reflect.New(key.Type()).Elem()
			into.SetString(changed[0])
		}
		v.SetMapIndex(into, value)
	}
}
