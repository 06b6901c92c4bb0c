package transform

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// A draft asks for the images that a plan without facts does, and comes to the plan that is made with the facts from
// the start.
func TestDraft(t *testing.T) {
	t.Chdir(t.TempDir())
	row, err := secret.ScriptRow("image", "suffix:_FILE", []string{"DB_PASSWORD", "A"}, nil, "/entry.sh")
	if err != nil {
		t.Fatal(err)
	}
	planned, asked, relooked := 0, 0, 0
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 3))
		text := randomProject(random)
		if seed%4 == 0 {
			text = "services:\n  keeper: {image: example/app, secrets: [own]}\n  sharer: {image: example/app, volumes_from: [keeper]}\n" + strings.TrimPrefix(text, "services:\n")
		}
		if err := os.WriteFile("compose.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		load := func() *compose.Project {
			p, err := compose.Load(context.Background(), compose.Options{ProjectName: "p", Environ: []string{"DB_PASSWORD=" + sentinel, "URL=x://u:" + sentinel + "@h/d", "MODE=plain"}})
			if err != nil {
				return nil
			}
			return p
		}
		one, two := load(), load()
		if one == nil {
			continue
		}
		o := Options{Dir: "/store", HelperDir: "/helpers", NoValues: true, InArguments: findAll(sentinel)}
		first, err := New(one, o)
		draft := Start(two, o)
		if err != nil {
			if _, got := draft.Finish(nil); fmt.Sprint(got) != err.Error() {
				t.Fatalf("%s\nerror %v, want %v", text, got, err)
			}
			continue
		}
		inspect := draft.Inspect()
		if diff := cmp.Diff(first.Inspect, inspect); diff != "" {
			t.Fatalf("%s\nasked for, -plan +draft\n%s", text, diff)
		}
		images := map[string]Image{}
		for _, name := range inspect {
			asked++
			image := Image{Entrypoint: []string{"/entry"}, Arch: "amd64", Shell: "/bin/sh"}
			switch random.IntN(4) {
			case 0:
				continue // it is not here
			case 1:
				image.Reads, relooked = row.Row(), relooked+1
			case 2:
				image.Shell, image.Volumes = "", []string{"/data"}
			}
			images[name] = image
		}
		o.Images = images
		want, wantErr := New(one, o)
		got, gotErr := draft.Finish(images)
		if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
			t.Fatalf("%s\nerror %v, want %v", text, gotErr, wantErr)
		}
		if wantErr == nil {
			planned++
			if diff := cmp.Diff(shownOf(t, want), shownOf(t, got)); diff != "" {
				t.Fatalf("%s\n-plan +draft\n%s", text, diff)
			}
		}
	}
	if planned < 40 || asked < 60 || relooked < 10 {
		t.Errorf("only %d projects were planned, %d images asked for, %d entrypoints read", planned, asked, relooked)
	}
}

// shownOf is all of a plan that does not differ by chance.
func shownOf(t *testing.T, plan *Plan) []string {
	t.Helper()
	text, err := compose.YAML(plan.Project)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{plan.Inputs.Redact(string(text)), fmt.Sprint(plan.Images), fmt.Sprint(plan.Inspect), fmt.Sprint(plan.Warnings), fmt.Sprint(plan.Helpers), fmt.Sprint(len(plan.Kept))}
	for _, m := range plan.Moves {
		list = append(list, plan.Inputs.Redact(fmt.Sprintf("%+v", m)))
	}
	for _, s := range plan.Secrets {
		list = append(list, fmt.Sprintf("%s %+v %v", s.Name, s.Files, s.At))
	}
	return list
}
