package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// uncheckedFile is a compose file with the environment that it is interpolated with.
type uncheckedFile struct {
	path   string
	data   []byte
	lookup template.Mapping
}

func lookupIn(values map[string]string) template.Mapping {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

// validate holds every compose file against the schema when compose-go cannot: it would refuse a secret of an
// included file that has x-source alone, to which nothing can be added.
func (e *envFiles) validate() error {
	if !e.sourceAlone {
		return nil
	}
	for _, file := range e.unchecked {
		if err := e.validateFile(file); err != nil {
			return err
		}
	}
	return nil
}

func (e *envFiles) validateFile(file uncheckedFile) error {
	for decoder := yaml.NewDecoder(bytes.NewReader(file.data)); ; {
		var doc map[string]any
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return nil //nolint:nilerr // the loader reports it, with its place
		}
		model, err := interpolation.Interpolate(doc, interpolation.Options{LookupValue: interpolation.LookupValue(file.lookup), Substitute: e.project.substitute})
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		if err := schema.Validate(model); err != nil {
			return fmt.Errorf("validating %s: %w", file.path, err)
		}
	}
}
