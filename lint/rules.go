package lint

import "embed"

// Rule is one check. It keeps no state between files.
type Rule struct {
	ID       string
	Name     string // a few words
	Severity Severity
	Why      string // why it matters and what to do, one paragraph
	// Plaintext says that its errors are secrets which migrate moves, or lists with what to do by hand.
	Plaintext bool

	compose func(*pass, *composeFile)
	env     func(*pass, *envFile)
	docker  func(*pass, *dockerfile)
}

// The rules that others than they themselves ask for: whether a comment switches one off, and under which a file
// that is no YAML is reported.
const (
	idEnvironment = "CS001"
	idDefault     = "CS002"
	idEnvFile     = "CS003"
	idAddress     = "CS005"
	idCommand     = "CS006"
	idHealthcheck = "CS007"
	idHook        = "CS010"
)

// Rules lists every rule in the order of their IDs.
func Rules() []Rule {
	return []Rule{
		ruleEnvironment(),
		ruleDefault(),
		ruleEnvFile(),
		ruleEnvFileExposed(),
		ruleAddress(),
		ruleCommand(),
		ruleHealthcheck(),
		ruleLabel(),
		ruleConfigContent(),
		ruleHook(),
		ruleReference(),
		ruleBuildArg(),
		ruleDockerfileVariable(),
		ruleDockerfileWrite(),
		ruleDockerfileArgEnv(),
		ruleDockerfileCopy(),
		ruleDockerfileRun(),
		ruleSecretTracked(),
		ruleSecretReadable(),
		ruleSecretInContext(),
		ruleFileUnread(),
		ruleFileSpelling(),
		ruleFileBeside(),
		ruleRabbitMQ(),
		ruleDecryptionKey(),
		ruleSecretUnused(),
		ruleSecretGrant(),
		ruleSecretSource(),
		ruleNotEncrypted(),
		ruleSecretMode(),
		ruleLogged(),
	}
}

// RuleByID finds a rule.
func RuleByID(id string) (Rule, bool) {
	for _, r := range Rules() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

// examples are the golden files of the tests; the pages of the rules show them.
//
//go:embed testdata/rules
var examples embed.FS
