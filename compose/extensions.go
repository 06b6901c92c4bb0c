package compose

import (
	"maps"
	"reflect"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/compose-secure/compose-secure/encode"
	"github.com/compose-secure/compose-secure/secret"
)

// dropSecretExtensions takes every x- key that holds a secret out of project, those of this tool
// aside. docker compose gives them no meaning, so that no secret there could be moved.
func (p *Project) dropSecretExtensions(project *types.Project) {
	p.dropExtensionsBelow(reflect.ValueOf(project).Elem())
}

func (p *Project) dropExtensionsBelow(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			p.dropExtensionsBelow(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				p.dropExtensionsBelow(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			p.dropExtensionsBelow(v.Index(i))
		}
	case reflect.Map:
		if extensions, ok := v.Interface().(types.Extensions); ok {
			maps.DeleteFunc(extensions, p.isSecretExtension)
			return
		}
		for i := v.MapRange(); i.Next(); {
			p.dropExtensionsBelow(i.Value())
		}
	}
}

func (p *Project) isSecretExtension(key string, value any) bool {
	if key == Extension || key == SourceExtension {
		return false
	}
	tree := encode.Tree(&types.Project{Extensions: types.Extensions{"x-": value}}, encode.Handover)
	return slices.ContainsFunc(findText(tree["x-"], p.Inputs.Prefix(), secret.RefPrefix), func(f Found) bool {
		return p.Inputs.Has(f.Text) || secret.IsRef(f.Text)
	})
}
