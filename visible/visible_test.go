package visible

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/transform"
)

func load(t *testing.T, file string) (*compose.Project, *transform.Plan) {
	t.Helper()
	p, err := compose.Load(context.Background(), compose.Options{Files: []string{file}, Environ: []string{"PATH=/bin", "OWN=COPY10-0123"}})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := transform.New(p, transform.Options{
		Dir: "/run/x", HelperDir: "/x", NoValues: true, InText: func(text string) bool { return len(lint.InText(p.Detect, text)) > 0 },
		InArguments: func(image string, argv []string) []secret.Argument { return Arguments(p, image, argv) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, plan
}

// Each literal of the file must be in one warning, at its own line, and in no printed model.
func TestEveryPlace(t *testing.T) {
	const file = "testdata/compose.yaml"
	p, plan := load(t, file)
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	literals := Find(p, plan)
	places := literals.Places
	warned := map[int]int{} // line -> warnings
	for i, text := range literals.Warnings() {
		if strings.Contains(text, "0123") {
			t.Errorf("a value in %s", text)
		}
		if places[i].Position.Line == 0 {
			t.Errorf("no place: %s", text)
		}
		warned[places[i].Position.Line]++
	}
	literal := regexp.MustCompile(`LIT\d\d-0123`)
	moved := regexp.MustCompile(`content:|command:|entrypoint:|test:`)
	count := 0
	for i, line := range strings.Split(string(source), "\n") {
		values := literal.FindAllString(line, -1)
		if moved.MatchString(line) {
			values = nil
		}
		count += len(values)
		want := len(values)
		if strings.Contains(line, "LIT17") || strings.Contains(line, "LIT18") { // one text, at its start
			continue
		}
		if strings.Contains(line, "dockerfile_inline") {
			want = 1
		}
		if warned[i+1] != want {
			t.Errorf("line %d has %d warnings, want %d: %s", i+1, warned[i+1], want, line)
		}
	}
	if count != 35 {
		t.Errorf("%d literals in the file", count)
	}
	for name, write := range map[string]func() ([]byte, error){
		"yaml": func() ([]byte, error) { return compose.YAML(literals.Mask(plan.Project)) },
		"json": func() ([]byte, error) { return compose.Encode(literals.Mask(plan.Project)) },
	} {
		text, err := write()
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`\S*0123\S*`).FindAllString(string(text), -1); found != nil {
			t.Errorf("%s shows %q", name, found)
		}
		if n := strings.Count(string(text), "[redacted]"); n < 35 {
			t.Errorf("%s has %d marks", name, n)
		}
	}
	// The model that is handed over keeps them.
	text, err := compose.Encode(plan.Project)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 42; n++ {
		value := fmt.Sprintf("LIT%02d-0123", n)
		argument := n <= 5 || n == 19 || n == 20
		if strings.Contains(string(text), value) == argument {
			t.Errorf("%s is handed over: %v", value, !argument)
		}
	}
	if strings.Contains(string(text), "nested-0123") || strings.Contains(string(text), "never-shown-0") || strings.Contains(string(text), "LIT43") {
		t.Error("an x- key, or a content that is a secret, is handed over")
	}
}

// lint finds each literal of the file too, but for those that only an x- key holds.
func TestLintKnowsEveryPlace(t *testing.T) {
	r, err := lint.Run(t.Context(), lint.Options{Dir: "testdata", Severity: lint.Error}, []string{"compose.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]int{}
	for i := range r.Findings {
		found[r.Findings[i].Line]++
	}
	source, err := os.ReadFile("testdata/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(source), "\n") {
		if want := strings.Count(line, "LIT"); found[i+1] < want {
			t.Errorf("line %d has %d findings, want %d: %s", i+1, found[i+1], want, line)
		}
	}
}

func TestNearMisses(t *testing.T) {
	p, plan := load(t, "testdata/near.yaml")
	literals := Find(p, plan)
	if list := literals.Warnings(); len(list) > 0 {
		t.Errorf("false alarms: %s", strings.Join(list, "\n"))
	}
	before, err := compose.YAML(plan.Project)
	if err != nil {
		t.Fatal(err)
	}
	after, err := compose.YAML(literals.Mask(plan.Project))
	if err != nil || string(before) != string(after) {
		t.Errorf("the mask changed %s (%v)", after, err)
	}
}

// A literal is found in its own bytes, whatever stands for a variable beside it.
func TestArguments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	text := "name: x\nservices: {a: {image: x, command: [\"sh\", \"-c\", \"a $A_TOKEN b ${B_TOKEN} mysql --password=literal1 $${A_TOKEN}; mysql -plit$A_TOKEN.2 \", --token=é]}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := compose.Load(context.Background(), compose.Options{Files: []string{file}, Environ: []string{"A_TOKEN=hunter1", "B_TOKEN=hunter2"}})
	if err != nil {
		t.Fatal(err)
	}
	argv := p.Services["a"].Command
	var found []string
	for _, a := range Arguments(p, "x", argv) {
		found = append(found, fmt.Sprintf("%d %s %q", a.Index, a.Name, argv[a.Index][a.Start:a.End]))
	}
	want := []string{`2 password "literal1"`, `2 -p "lit"`, `2 -p ".2"`, `3 token "é"`}
	if !slices.Equal(found, want) {
		t.Errorf("got  %q\nwant %q", found, want)
	}
}

// What is a secret in one place is one wherever else it stands, told of and masked; a word or a name is not.
func TestCopies(t *testing.T) {
	const file = "testdata/copies.yaml"
	p, plan := load(t, file)
	literals := Find(p, plan)
	got := literals.Warnings()
	for i, text := range got {
		if strings.Contains(text, "0123") {
			t.Errorf("a value in %s", text)
		}
		_, got[i], _ = strings.Cut(text, "copies.yaml:")
	}
	const variable, other = " has the value of a secret and stays visible; name it in x-compose-secure.secret", " has the value of a secret and stays visible"
	const literal = " holds a secret that stays visible; see compose-secure lint"
	want := []string{
		"9:10: services.app.environment.A" + variable, "12:10: services.app.environment.B" + variable,
		"13:19: services.app.environment.FROM_LABEL" + variable, "14:22: services.app.environment.FROM_ARGUMENT" + variable,
		"15:21: services.app.environment.FROM_CONTENT" + variable, "17:13: services.app.environment.KEPT" + variable,
		"18:12: services.app.environment.OFF" + variable, "19:13: services.app.environment.ONLY" + variable,
		"26:13: a key of services.app.labels" + other,
		"26:25: services.app.labels.api_token" + literal, "26:38: services.app.labels.foo" + other,
		"28:18: services.app.working_dir" + other,
		"33:18: a key of services.other-service-1.environment" + other, "33:23: services.other-service-1.environment.A" + variable,
		"45:16: configs.c.content" + other,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, err := compose.YAML(literals.Mask(plan.Project))
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`\S*0123\S*`).FindAllString(string(text), -1); found != nil {
		t.Errorf("shows %q", found)
	}
	for _, stays := range []string{"WORD: word\n", "LONGER_WORD: Passwordpassword\n", "HOST: other-service-1\n", "  other-service-1:\n"} {
		if !strings.Contains(string(text), stays) {
			t.Errorf("%q is lost in %s", stays, text)
		}
	}
}
