package command

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/dockercli"
	"github.com/compose-secure/compose-secure/ui"
)

// completions ask the tool itself, so that they never lag behind it. "--" alone is asked for as "-": it
// would end the flags.
var completions = map[string]string{
	"bash": `_compose_secure() {
  local words=("${COMP_WORDS[@]:0:$COMP_CWORD}") current="${COMP_WORDS[$COMP_CWORD]}"
  if [[ $current == -- ]]; then words+=(-); elif [[ $current == -* ]]; then words+=("$current"); fi
  local found
  COMPREPLY=()
  while IFS= read -r found; do
    if [[ $found == "$current"* ]]; then COMPREPLY+=("$found"); fi
  done < <("${words[@]}" --generate-bash-completion 2>/dev/null)
}
complete -o default -F _compose_secure compose-secure
`,
	"zsh": `#compdef compose-secure
_compose_secure() {
  local -a found
  local current=${words[CURRENT]}
  [[ $current == -- ]] && current=-
  [[ $current == -* ]] || current=
  found=("${(@f)$(${words[1,CURRENT-1]} $current --generate-bash-completion 2>/dev/null)}")
  compadd -a found
}
compdef _compose_secure compose-secure
`,
	"fish": `complete -c compose-secure -a '(set -l words (commandline -opc); string match -q -- "-*" (commandline -ct); and set -a words (string replace -r "^--\$" - -- (commandline -ct)); $words --generate-bash-completion 2>/dev/null)'
`,
}

func newCompletion(s *session) *cli.Command {
	return interspersed(&cli.Command{
		Name: "completion", Usage: "print a completion script for bash, zsh or fish", ArgsUsage: "bash|zsh|fish",
		Description: `Example:
     source <(compose-secure completion bash)`,
	}, func(_ *cli.Context, args []string) error {
		if len(args) != 1 || completions[args[0]] == "" {
			return usagef("completion takes one of bash, zsh, fish")
		}
		_, err := fmt.Fprint(s.Stdout, completions[args[0]])
		return err
	})
}

const completionFlag = "--generate-bash-completion" // of urfave/cli

// completesNothing reports a question for what may follow "--". urfave/cli would run the command.
func completesNothing(args []string) bool {
	return slices.Contains(args, "--") && args[len(args)-1] == completionFlag
}

// completeCompose completes a command that is docker compose's own: its flags are asked of it, and services
// are those of the project, which is loaded without a value. What goes wrong completes nothing.
func completeCompose(s *session, name string) cli.BashCompleteFunc {
	return func(c *cli.Context) {
		s.log = ui.Logger{Out: io.Discard}
		args := c.Args().Slice()
		var found []string
		if len(args) > 0 && strings.HasPrefix(args[len(args)-1], "-") {
			found = dockercli.CompleteFlags(c.Context, s.Getenv, s.env().ChildEnv(), name, args)
		} else if l, err := s.env().Load(c.Context, deliver.ForModel, s.projectOptions()); err == nil {
			found = slices.Concat(slices.Collect(maps.Keys(l.Services)), slices.Collect(maps.Keys(l.DisabledServices)))
		}
		slices.Sort(found)
		for _, text := range found {
			if compose.IsName(text) { // a shell may take anything else for more than text
				_, _ = fmt.Fprintln(s.Stdout, text) // to the shell
			}
		}
	}
}

func newMan(s *session) *cli.Command {
	return alone(&cli.Command{Name: "man", Usage: "print the manual page", Hidden: true}, func(c *cli.Context) error {
		page, err := c.App.ToManWithSection(1)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(s.Stdout, page)
		return err
	})
}
