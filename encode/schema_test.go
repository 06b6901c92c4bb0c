package encode_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/encode"
)

// unlike are keys of which the model keeps all values but some, and why that is no loss.
var unlike = map[string]string{
	"configs.environment":              "with content as well, which docker compose refuses",
	"configs.name":                     "an empty name; the engine makes one up",
	"networks.name":                    "likewise",
	"secrets.name":                     "likewise",
	"volumes.name":                     "likewise",
	"configs.external.name":            "an empty name, which the engine refuses",
	"networks.external.name":           "likewise",
	"secrets.external.name":            "likewise",
	"volumes.external.name":            "likewise",
	"services.build":                   "an empty context, which docker compose cannot build",
	"services.build.context":           "likewise",
	"services.build.dockerfile":        "an empty name, which means Dockerfile",
	"services.build.dockerfile_inline": "likewise",
	"services.build.ssh.*":             "a path that is a number or true",
	"services.build.extra_hosts.*":     "a host without an address, or one with a comma",
	"services.extra_hosts.*":           "likewise",
	"services.devices":                 "an empty path, which docker compose cannot map",
	"services.devices.target":          "likewise",
	"services.env_file":                "an empty path, which docker compose cannot read; no model has env files",
	"services.env_file.path":           "likewise",
	"services.network_mode":            "an empty mode; docker compose takes none or the default network, by what other services use",
	"services.ports.mode":              "an empty mode, which means ingress",
	"services.ports.protocol":          "an empty protocol, which means tcp",
	"services.ports.target":            "port 0, which docker compose refuses",
	"services.secrets.target":          "an empty target, which means /run/secrets and the name",
}

// TestEverySchemaKey: a project with one key of the Compose schema, at its zero, its short or its
// long form, means the same once it was encoded and read again, through JSON and through YAML.
func TestEverySchemaKey(t *testing.T) {
	logrus.SetOutput(io.Discard)
	defer logrus.SetOutput(os.Stderr)
	accepted := map[string][]variant{}
	for _, v := range variants() {
		if _, ok := accepted[v.key]; !ok {
			accepted[v.key] = nil
		}
		if _, err := load(source(t, v)); err == nil {
			accepted[v.key] = append(accepted[v.key], v)
		}
	}
	for key, all := range accepted {
		if len(all) == 0 {
			t.Errorf("%s: compose-go takes none of its values", key)
		} else if diff := difference(t, all...); diff != "" {
			explain(t, key, all)
		} else if unlike[key] != "" {
			t.Errorf("%s keeps every value", key)
		}
	}
	t.Logf("%d keys", len(accepted))
}

// explain reports the variants that a model does not keep.
func explain(t *testing.T, key string, all []variant) {
	kept := false
	for _, v := range all {
		diff := difference(t, v)
		kept = kept || diff == ""
		if diff != "" && unlike[key] == "" {
			t.Errorf("%s: %s: %s", key, source(t, v), diff)
		}
	}
	if !kept {
		t.Errorf("%s: no value is kept", key)
	}
}

func source(t *testing.T, variants ...variant) []byte {
	text, err := json.Marshal(project(variants...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// difference returns what is lost when a project of all variants was encoded and read again.
func difference(t *testing.T, variants ...variant) string {
	want, err := load(source(t, variants...))
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []encode.Form{encode.Handover, encode.JSON} { // YAML leaves out what Handover does
		text, err := json.Marshal(encode.Tree(want, form))
		if err != nil {
			t.Fatal(err)
		}
		got, err := load(text)
		if err != nil {
			return err.Error()
		}
		if diff := cmp.Diff(want, got, same()); diff != "" {
			return "-want +got\n" + diff
		}
	}
	return ""
}

func load(text []byte) (project *types.Project, err error) {
	defer func() { // compose-go trusts what the schema lets through, and the schema is not asked here
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	var config map[string]any
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	details := types.ConfigDetails{WorkingDir: "/w", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Config: config}}, Environment: types.Mapping{}}
	return loader.LoadWithContext(context.Background(), details, func(o *loader.Options) {
		o.SetProjectName("p", true)
		o.SkipValidation = true
		o.SkipResolveEnvironment, o.SkipResolveLabels = true, true
		o.Profiles = []string{"*"}
	})
}

// same compares two projects: what is unset is empty, but for commands.
func same() cmp.Option {
	isCommand := func(p cmp.Path) bool { return p.Last().Type() == reflect.TypeFor[types.ShellCommand]() }
	isOther := func(p cmp.Path) bool { return !isCommand(p) }
	return cmp.Options{
		cmp.FilterPath(isCommand, cmp.Comparer(func(x, y types.ShellCommand) bool { return (x == nil) == (y == nil) && slices.Equal(x, y) })),
		cmp.FilterPath(isOther, cmpopts.EquateEmpty()),
		cmpopts.IgnoreUnexported(types.SecretConfig{}, types.ConfigObjConfig{}),
		cmpopts.IgnoreFields(types.Project{}, "ComposeFiles", "Environment"),
		cmpopts.SortSlices(func(a, b types.SSHKey) int { return strings.Compare(a.ID, b.ID) }),
	}
}
