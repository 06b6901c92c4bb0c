package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Which directories a command may write in is the user's choice, not that of a file in them.
func TestTrees(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"repo/app/sub", "other", "plain/app"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("git", "-C", filepath.Join(top, "repo"), "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("git init: %s", out)
	}
	if err := os.Symlink("../../other/s.yaml", filepath.Join(top, "repo/app/link.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "other/s.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from     string   // the working directory
		flags    []string // -f
		env      []string
		dir      string   // --project-directory
		envFiles []string // --env-file
		loaded   string   // the compose file
		path     string
		outside  bool
	}{
		"beside the compose file":        {from: "repo/app", loaded: "repo/app/compose.yaml", path: "repo/app/s.yaml"},
		"in its work tree":               {from: "repo/app/sub", loaded: "repo/app/compose.yaml", path: "repo/s.yaml"},
		"a file of another folder":       {from: "repo/app", loaded: "repo/app/compose.yaml", path: "other/s.yaml", outside: true},
		"a link to it":                   {from: "repo/app", loaded: "repo/app/compose.yaml", path: "repo/app/link.yaml", outside: true},
		"chosen by .env":                 {from: "repo/app", loaded: "other/compose.yaml", path: "other/s.yaml", outside: true},
		"named by a flag":                {from: "repo/app", flags: []string{"../../other/compose.yaml"}, loaded: "other/compose.yaml", path: "other/s.yaml"},
		"named by a variable":            {from: "repo/app", env: []string{"COMPOSE_FILE=../../other/compose.yaml"}, loaded: "other/compose.yaml", path: "other/s.yaml"},
		"where the user stands":          {from: "plain", flags: []string{"../other/compose.yaml"}, loaded: "other/compose.yaml", path: "plain/s.yaml", outside: true},
		"the folder above, without git":  {from: "plain/app", loaded: "plain/app/compose.yaml", path: "plain/s.yaml", outside: true},
		"the project's folder, by flag":  {from: "plain/app", dir: "..", loaded: "plain/app/compose.yaml", path: "plain/s.yaml"},
		"the env file itself, by a flag": {from: "plain/app", envFiles: []string{"../s.yaml"}, loaded: "plain/app/compose.yaml", path: "plain/s.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join(top, c.from))
			s := newSession(Env{Environ: c.env})
			for _, f := range c.flags {
				_ = s.global.files.Set(f) // a list
			}
			for _, f := range c.envFiles {
				_ = s.global.envFiles.Set(f) // a list
			}
			s.global.dir = c.dir
			trees := s.trees([]string{filepath.Join(top, c.loaded)})
			if got := trees.Outside(filepath.Join(top, c.path)); got != c.outside {
				t.Errorf("outside: %t, want %t; trees %q", got, c.outside, trees)
			}
		})
	}
}
