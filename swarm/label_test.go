package swarm

import (
	"testing"

	api "github.com/docker/docker/api/types/swarm"
	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
)

// TestLabelsOfTheUser must reach the objects, and must not pass for those of this tool.
func TestLabelsOfTheUser(t *testing.T) {
	forged := map[string]string{"owner": "ops", "io.compose-secure.version": "7", "com.docker.stack.namespace": "other"}
	all := labelled(forged, map[string]string{stackLabel: "shop", versionLabel: "1"})
	if diff := cmp.Diff(map[string]string{"owner": "ops", stackLabel: "shop", versionLabel: "1"}, all); diff != "" {
		t.Error("labels, -want +got\n" + diff)
	}
	all[digestLabel] = "x"
	if diff := cmp.Diff(map[string]string{"team": "a", stackLabel: "shop", versionLabel: "1", digestLabel: "x"}, relabelled(map[string]string{"team": "a"}, all)); diff != "" {
		t.Error("other labels, -want +got\n" + diff)
	}
	one := made("key", 1, "one")
	one.Spec.Labels["owner"] = "ops"
	v := &view{stack: "shop", secrets: secretCatalog("shop", []api.Secret{one})}
	choices, err := v.choose(map[string]secret.Value{"key": value("two")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"owner": "ops"}, choices[0].own); diff != "" || !choices[0].create {
		t.Error("the next version loses labels, -want +got\n" + diff)
	}
	for name, c := range map[string]struct {
		own  map[string]string
		want bool
	}{
		"the same": {map[string]string{"owner": "ops"}, false}, "none": {nil, true}, "another": {map[string]string{"owner": "dev"}, true},
		"one that is left out": {map[string]string{"owner": "ops", "io.compose-secure.x": "y"}, false},
	} {
		if _, differs := v.secrets.labelledOtherwise("key", one.Spec.Name, c.own); differs != c.want {
			t.Errorf("%s: differs is %v", name, differs)
		}
	}
}
