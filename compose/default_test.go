package compose

import (
	"strings"
	"testing"
)

func TestDefaultOf(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
		whenEmpty, ok    bool
	}{
		{"soft", "a ${P:-x y} b", "x y", true, true},
		{"hard", "${P-x}", "x", false, true},
		{"nested", "${P:-${Q:-{x}}}", "${Q:-{x}}", true, true},
		{"twice the same", "${P:-x} ${P:-x}", "x", true, true},
		{"behind the same name escaped", "$${P:-y} ${P:-x}", "x", true, true},
		{"behind an escaped dollar", "$$${P:-x}", "x", true, true},
		{"of a longer name", "${PP:-x} ${P2:-y} ${Q_P:-z}", "", false, false},
		{"in the text of another", "${Q:-P:-x}", "", false, false},
		{"escaped", "$${P:-x}", "", false, false},
		{"two that differ", "${P:-x} ${P:-y}", "", true, false},
		{"soft and hard", "${P:-x} ${P-x}", "", true, false},
		{"without one elsewhere", "${P:-x} $P", "", true, false},
		{"with another form elsewhere", "${P:-x} ${P:+y}", "", true, false},
		{"not closed", "${P:-x", "", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw, whenEmpty, ok := defaultOf(tt.text, "P")
			if ok != tt.ok || ok && (raw != tt.want || whenEmpty != tt.whenEmpty) {
				t.Errorf("got %q, %t, %t", raw, whenEmpty, ok)
			}
		})
	}
}

// What interpolation comes to stays the same, and a default that is a secret is hidden.
func TestDefaultsAreHidden(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
		hidden           bool
	}{
		{"of a variable that is not set", "run ${A_PASSWORD:-dflt} x", "run dflt x", true},
		{"of an empty one", "${EMPTY_PASSWORD:-dflt}", "dflt", true},
		{"of an empty one that is set", "${EMPTY_PASSWORD-dflt}", "", false},
		{"of one that is set", "${MODE:-dflt}", "plain", false},
		{"nested", "${A_PASSWORD:-${B_PASSWORD:-dflt}}", "dflt", true},
		{"nested in what is no secret", "${A:-u ${B_PASSWORD:-dflt}}", "u dflt", true},
		{"by value", "${A_URL:-postgres://u:dflt@h/d}", "postgres://u:dflt@h/d", true},
		{"that is no secret", "${A_USER:-app}", "app", false},
		{"with a dollar", "${A_PASSWORD:-d$$f}", "d$f", true},
		{"beside another form", "${A_PASSWORD:-dflt}${A_PASSWORD:+y}", "dflt", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := loadFiles(t, map[string]string{"compose.yaml": "services: {a: {image: x, command: ['" + tt.text + "']}}"},
				Options{Environ: []string{"MODE=plain", "EMPTY_PASSWORD="}})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(p.Services["a"].Command, " ")
			if p.Inputs.Has(got) != tt.hidden {
				t.Errorf("a placeholder stands in it: %t, want %t", !tt.hidden, tt.hidden)
			}
			var value strings.Builder
			for _, part := range p.Inputs.Split(got) {
				if part.Input != nil {
					t.Error("a default is no literal any more")
				} else {
					value.Write(part.Literal.Reveal())
				}
			}
			if value.String() != tt.want {
				t.Errorf("got %q, want %q", value.String(), tt.want)
			}
		})
	}
}
