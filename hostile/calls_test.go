//go:build e2e

package hostile

// completeInBash asks for a completion as bash does when the user presses tab. Its first argument is the tool.
const completeInBash = `source <("$0" completion bash)
compose-secure() { command "$0" "$@"; }
for words in "logs ." "down ." "up -d ." "--." "logs --."; do
  COMP_WORDS=($words); COMP_WORDS=("$0" "${COMP_WORDS[@]%.}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
  _compose_secure
  printf '%s\n' "${COMPREPLY[@]}"
done`

// knownCalls says how each command is called, by its name. One without a call of its own has commands below it.
func knownCalls() map[string][]call {
	need := func(args ...string) []call { return []call{{args: args}} }
	value := func(args ...string) []call { return []call{{args: args, values: true}} }
	watch := func(args ...string) []call { return []call{{args: args, watches: true}} }
	both := func(lists ...[]call) (all []call) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	return map[string][]call{
		"up": both(need("--dry-run", "up", "-d"), value("up", "-d", "-t", "0")), "down": need("down", "-t", "0"),
		"plan":   both(need("plan"), need("plan", "--format", "json")),
		"config": both(need("config"), need("config", "--format", "json"), need("config", "--hash", "*")), "convert": need("convert", "-q"),
		"boot": nil, "boot run": value("boot", "run", "--timeout", "1s", "no-such-project"),
		"boot install": need("boot", "install", "--help"), "boot remove": need("boot", "remove", "--help"),
		"doctor": need("doctor"),
		"lint":   both(need("lint"), need("lint", "--format", "sarif"), need("lint", "--update-baseline")), "migrate": both(need("migrate"), value("migrate", "--write")),
		"stack": nil, "stack deploy": value("stack", "deploy", "no-such-stack"), "stack up": need("stack", "up", "--help"),
		"stack rm": need("stack", "rm", "no-such-stack"), "stack remove": need("stack", "remove", "--help"), "stack down": need("stack", "down", "--help"),
		"rotate": value("rotate", "no-such-stack"), "rollback": need("rollback", "no-such-stack"), "status": need("status", "no-such-stack"), "prune": need("prune", "no-such-stack"),
		"catalog": need("catalog", "no-such-image"), "version": need("version"), "man": need("man"),
		"completion": both(need("completion", "bash"), need("completion", "zsh"), need("completion", "fish"), need("bash", "-c", completeInBash)),
		"attach":     watch("attach", "a"), "build": value("build"), "cp": need("cp", "compose.yaml", "a:/"), "create": value("create"),
		"events": watch("events"), "exec": need("exec", "-T", "a", "true"), "images": need("images"), "kill": need("kill"),
		"logs": need("logs"), "ls": need("ls"), "pause": need("pause"), "port": need("port", "a", "80"), "ps": need("ps", "-a"),
		"pull": need("pull", "--ignore-pull-failures"), "push": need("push", "--ignore-push-failures"), "restart": need("restart", "-t", "0"), "rm": need("rm", "-f"),
		"run": value("run", "--rm", "-T", "a", "true"), "scale": value("scale", "a=1"), "start": need("start"), "stats": need("stats", "--no-stream"),
		"stop": need("stop", "-t", "0"), "top": need("top"), "unpause": need("unpause"), "wait": watch("wait", "a"), "watch": {{args: []string{"watch"}, values: true, watches: true}},
	}
}
