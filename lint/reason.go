package lint

import "fmt"

// Reason is why migrate leaves a secret where it stands. The zero Reason is none.
type Reason struct {
	Kind ReasonKind
	args [4]string // what the sentence names
}

// Because returns a reason of a kind, with what its sentence names.
func Because(kind ReasonKind, args ...string) Reason {
	r := Reason{Kind: kind}
	copy(r.args[:], args)
	return r
}

// Given reports whether there is a reason.
func (r Reason) Given() bool { return r.Kind != 0 }

// String returns the sentence, or "".
func (r Reason) String() string {
	s := sentences[r.Kind]
	args := make([]any, s.args)
	for i := range args {
		args[i] = r.args[i]
	}
	return fmt.Sprintf(s.text, args...)
}

// ReasonKind is a kind of reason. Where it stands in the plan, the file or the project is said by its sentence.
type ReasonKind int

// The kinds of reasons, each with one sentence.
const (
	_ ReasonKind = iota
	OpensFiles
	UnknownKey
	WholeEntryIsName
	TooMany
	HasTag
	IndentedBlock
	ChangesInYAML
	WrittenAround
	TakesVariables
	PartOfDefault
	UnwritableValue
	UnknownVariables
	ArgumentWithQuotes
	ArgumentWithoutEnd
	ArgumentAsReference
	SharedScalar
	TwoDefaults
	DefinedInDotenv
	DefinedInStore
	TakenByUnedited
	OtherDefault
	StoreCannotHold
	StoreHasNoLines
	StoreHasNoBlanks
	DefinedTwice
	DependsOnVariables
	PartOfEntry
	PartOfEnvFile
	TakenInProject
	TwoEnvFiles
	OwnFormat
	NoService
	InStore
	InOtherFile
	SharedEnvironment
	SetToo
	Untaken
	AliasElsewhere
	OutsideEnvironments
	FileNamedByVariable
	NeededByUnedited
	Mounted
	InImage
	TakenWithoutFlag
	TakenByIncluded
	TakenByOther
	TakenByBroken
	ReadByProgram
	UnsupportedPlace
	UnsupportedArg
	OutsideProject
	NotReached
	UneditableFile
	ArgOutsideProject
	NoArgName
	ArgOfVariables
	ArgEndsWithNewline
	MergedBuild
	InlineDockerfile
	NoDockerfile
	BuiltWithout
	UnreadableDockerfile
	NoBuildKit
	InstructionTakes
	EnvKeeps
	NoArg
	NoRun
	UnwritableDockerfile
	ArgHasDefault
	ArgOfArg
	SeveralArgs
	RunWithoutShell
	RunWithHeredoc
	NoPOSIXShell
	FlagTakes
	EmptyRun
	RunWrites
	MountedAlready
	UnwritableFlags
	UnwritableBuild
	GrantedAlready
	StaysInDotenv
	NotInSource
	DockerfileEdit
	NotGiven
)

var sentences = [...]struct {
	text string
	args int
}{
	0:                    {"", 0},
	OpensFiles:           {"the key has to leave this place", 0},
	UnknownKey:           {"Compose knows no key %q of a service; variables stand under environment", 1},
	WholeEntryIsName:     {"write NAME=value: Compose takes the whole entry for a name", 0},
	TooMany:              {"it holds more secrets than migrate tells apart", 0},
	HasTag:               {"migrate cannot edit a value with a tag", 0},
	IndentedBlock:        {"migrate cannot edit a block that says how far it is indented", 0},
	ChangesInYAML:        {"put it into quotes, so that it means the same to everybody", 0},
	WrittenAround:        {"it holds variables, and is written with escapes or on several lines", 0},
	TakesVariables:       {"the secret itself takes variables", 0},
	PartOfDefault:        {"migrate moves a default, ${NAME:-value}, as a whole alone", 0},
	UnwritableValue:      {"migrate cannot edit a value that is written in this way", 0},
	UnknownVariables:     {"it takes variables whose values are not known here", 0},
	ArgumentWithQuotes:   {"quotes, blanks or a dollar sign are part of it here; write ${NAME} in its place, and the value itself into a SOPS file", 0},
	ArgumentWithoutEnd:   {"where it ends is not sure here; write ${NAME} in its place, and the value itself into a SOPS file", 0},
	ArgumentAsReference:  {"an argument takes no reference; write ${NAME} and keep the value in a SOPS file", 0},
	SharedScalar:         {"another place shares it", 0},
	TwoDefaults:          {"two defaults of %s differ", 1},
	DefinedInDotenv:      {".env defines %s, and was left as it is", 1},
	DefinedInStore:       {"%[1]s defines %[2]s already; write ${%[2]s:?}", 2},
	TakenByUnedited:      {"%s takes %s, and is left as it is", 2},
	OtherDefault:         {"another place takes %s with another default, or with none", 1},
	StoreCannotHold:      {"the store cannot hold the value", 0},
	StoreHasNoLines:      {"%s is dotenv, which holds no line breaks; name a %s first in x-compose-secure.sops", 2},
	StoreHasNoBlanks:     {"%s is dotenv, which holds no blanks and quotes around a value; name a %s first in x-compose-secure.sops", 2},
	DefinedTwice:         {"it is defined more than once; keep one", 0},
	DependsOnVariables:   {"its value depends on other variables", 0},
	PartOfEntry:          {"%s of the same file is made of it", 1},
	PartOfEnvFile:        {"a value of an env file is made of it", 0},
	TakenInProject:       {"other files of the project take %s as well", 1},
	TwoEnvFiles:          {"another --env-file defines it as well; remove one of the two", 0},
	OwnFormat:            {"env_file reads it with a format of its own", 0},
	NoService:            {"no service reads it; encrypt it with SOPS, which an include reads as well", 0},
	InStore:              {"%s defines it already; remove one of the two", 1},
	InOtherFile:          {"another compose file defines it as well", 0},
	SharedEnvironment:    {"the environment of service %s is shared or merged; add ${%s} there", 2},
	SetToo:               {"%s sets it for service %s too", 2},
	Untaken:              {"no compose file takes it; something else may read it", 0},
	AliasElsewhere:       {"another compose file takes it as %s", 1},
	OutsideEnvironments:  {"it is used outside environments; a SOPS file can define it", 0},
	FileNamedByVariable:  {"service %s reads the file under a name with variables in it; write the name out", 1},
	NeededByUnedited:     {"%s takes it, and is left as it is", 1},
	Mounted:              {"service %s mounts %s (%s:%s), where its programs read the file", 4},
	InImage:              {"the image of service %s holds a copy of the file (%s:%s); if no program there reads it, name it in .dockerignore", 3},
	TakenByIncluded:      {"what %s includes takes its variables from it", 1},
	TakenWithoutFlag:     {"%s takes it too where no --env-file is given", 1},
	TakenByOther:         {"%s takes it too; name that file on the command line as well", 1},
	TakenByBroken:        {"%s takes it too, and cannot be read as a compose file", 1},
	ReadByProgram:        {"%s reads the file and takes it", 1},
	UnsupportedPlace:     {"%s takes it and cannot hold a secret; give it to environment or secrets alone", 1},
	UnsupportedArg:       {"build argument %s takes it and cannot become a build secret%s; use build.secrets and RUN --mount=type=secret by hand", 2},
	OutsideProject:       {"it lies outside of the project", 0},
	NotReached:           {"migrate reads no file there that it could edit", 0},
	UneditableFile:       {"migrate leaves the file as it is: %s", 1},
	ArgOutsideProject:    {"its Dockerfile lies outside of the project", 0},
	NoArgName:            {"it is no name of an ARG", 0},
	ArgOfVariables:       {"its value is made of variables", 0},
	ArgEndsWithNewline:   {"its value ends with a newline, which the command would lose", 0},
	MergedBuild:          {"its build section is merged from others", 0},
	InlineDockerfile:     {"the Dockerfile stands inside the compose file", 0},
	NoDockerfile:         {"its Dockerfile is not on this disk", 0},
	BuiltWithout:         {"service %s builds the same Dockerfile without it; give it to both", 1},
	UnreadableDockerfile: {"its Dockerfile cannot be read", 0},
	NoBuildKit:           {"BuildKit cannot read the Dockerfile", 0},
	InstructionTakes:     {"%s takes %s", 2},
	EnvKeeps:             {"ENV keeps %s in the image", 1},
	NoArg:                {"the Dockerfile has no ARG %s", 1},
	NoRun:                {"no RUN names %s; mount the secret in the one that needs it", 1},
	UnwritableDockerfile: {"the Dockerfile is written in a way that migrate cannot edit", 0},
	ArgHasDefault:        {"ARG %s has a default in the Dockerfile; take it away, and rotate it", 1},
	ArgOfArg:             {"ARG %s is made of %s", 2},
	SeveralArgs:          {"one ARG declares several; write one line for each", 0},
	RunWithoutShell:      {"RUN in its exec form starts no shell that could read a file", 0},
	RunWithHeredoc:       {"RUN with a here-document; read /run/secrets/%s in its first line", 1},
	NoPOSIXShell:         {"SHELL is not a POSIX shell", 0},
	FlagTakes:            {"a flag of RUN takes %s", 1},
	EmptyRun:             {"RUN has no command", 0},
	RunWrites:            {"RUN writes %s into a layer or the build log; change that first", 1},
	MountedAlready:       {"RUN mounts a secret of that name already", 0},
	UnwritableFlags:      {"the flags of RUN are written in a way that migrate cannot edit", 0},
	UnwritableBuild:      {"migrate cannot edit a build section that is written in this way", 0},
	GrantedAlready:       {"build.secrets has %s already", 1},
	StaysInDotenv:        {"its value stays in .env, for other places that take it", 0},
	NotInSource:          {"its value is not in the source", 0},
	DockerfileEdit:       {"migrate cannot edit its Dockerfile", 0},
	NotGiven:             {"no build.args of a compose file gives it; the RUN that uses it has to read the mounted file", 0},
}
