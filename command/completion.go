package command

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// completions ask the tool itself, so that they never lag behind it.
var completions = map[string]string{
	"bash": `_compose_secure() {
  local words=("${COMP_WORDS[@]:0:$COMP_CWORD}") current="${COMP_WORDS[$COMP_CWORD]}"
  [[ $current == -* ]] && words+=("$current")
  COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$current"))
}
complete -o default -F _compose_secure compose-secure
`,
	"zsh": `#compdef compose-secure
_compose_secure() {
  local -a found
  local last=$((CURRENT - 1))
  [[ ${words[CURRENT]} == -* ]] && last=$CURRENT
  found=("${(@f)$(${words[1,$last]} --generate-bash-completion 2>/dev/null)}")
  compadd -a found
}
compdef _compose_secure compose-secure
`,
	"fish": `complete -c compose-secure -a '(set -l words (commandline -opc); string match -q -- "-*" (commandline -ct); and set -a words (commandline -ct); $words --generate-bash-completion 2>/dev/null)'
`,
}

func newCompletion(s *session) *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print a completion script for bash, zsh or fish", ArgsUsage: "bash|zsh|fish",
		Description: `Example:
     source <(compose-secure completion bash)`,
		Action: func(c *cli.Context) error {
			script, ok := completions[c.Args().First()]
			if !ok || c.Args().Len() != 1 {
				return usagef("completion takes one of bash, zsh, fish")
			}
			_, err := fmt.Fprint(s.Stdout, script)
			return err
		},
	}
}

func newMan(s *session) *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "print the manual page", Hidden: true,
		Action: func(c *cli.Context) error {
			page, err := c.App.ToManWithSection(1)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(s.Stdout, page)
			return err
		},
	}
}
