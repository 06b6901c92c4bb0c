package compose

import (
	"strings"
	"testing"
)

func TestErrorsOfLoad(t *testing.T) {
	const head = "services:\n  db:\n    image: busybox\n"
	tests := map[string]struct {
		files   map[string]string
		options Options
		want    string
	}{
		"yaml in the middle":             {map[string]string{"compose.yaml": head + "    a: [hunter2\n    b: c\n"}, Options{}, `compose.yaml:5: invalid YAML: did not find expected ',' or ']'`},
		"yaml tab":                       {map[string]string{"compose.yaml": head + "\thunter2: 1\n"}, Options{}, `compose.yaml:4: invalid YAML: found a tab character that violates indentation`},
		"yaml key without value":         {map[string]string{"compose.yaml": head + "  {{ hunter2 }}\n"}, Options{}, `compose.yaml:5: invalid YAML: could not find expected ':'`},
		"yaml list then key":             {map[string]string{"compose.yaml": head + "    command:\n     - a\n     hunter2: d\n"}, Options{}, `compose.yaml:6: invalid YAML: did not find expected '-' indicator`},
		"yaml duplicate key":             {map[string]string{"compose.yaml": head + "    environment:\n      A: hunter2\n      B: x\n      A: hunter3\n"}, Options{}, `compose.yaml:7:7: "A" is already set at line 5`},
		"yaml duplicate key, quoted":     {map[string]string{"compose.yaml": head + "    labels: {a: hunter2, \"a\": hunter3}\n"}, Options{}, `compose.yaml:4:26: "a" is already set at line 4`},
		"yaml duplicate key of two":      {map[string]string{"compose.yaml": head + "  db:\n    image: x\n    image: y\n"}, Options{}, `compose.yaml:4:3: "db" is already set at line 2`},
		"yaml duplicate key in override": {map[string]string{"compose.yaml": head, "compose.override.yaml": "services:\n  db:\n    tty: true\n    tty: false\n"}, Options{}, `compose.override.yaml:4:5: "tty" is already set at line 3`},
		"yaml duplicate key of a value":  {map[string]string{"compose.yaml": head + "    environment:\n      A=hunter2:\n      A=hunter2:\n"}, Options{}, `compose.yaml:6:7: a key is already set at line 5`},
		"yaml unknown alias":             {map[string]string{"compose.yaml": head + "    environment: *hunter2\n"}, Options{}, `compose.yaml:4: invalid YAML: unknown anchor`},
		"yaml not a mapping":             {map[string]string{"compose.yaml": "hunter2\n"}, Options{}, `invalid YAML: a compose file is a mapping with the key services`},
		"empty":                          {map[string]string{"compose.yaml": ""}, Options{}, `compose.yaml: empty compose file; add services`},
		"yaml in override":               {map[string]string{"compose.yaml": head, "compose.override.yaml": "services: {\n"}, Options{}, `compose.override.yaml:2: invalid YAML: did not find expected node content`},
		"yaml in include":                {map[string]string{"compose.yaml": "include: [b.yaml]\n" + head, "b.yaml": "services: {\n"}, Options{}, `b.yaml:2: invalid YAML: did not find expected node content`},
		"yaml in extends":                {map[string]string{"compose.yaml": head + "    extends: {file: b.yaml, service: x}\n", "b.yaml": "services: {\n"}, Options{}, `b.yaml:2: invalid YAML: did not find expected node content`},
		"missing include":                {map[string]string{"compose.yaml": "include: [b.yaml]\n" + head}, Options{}, `compose.yaml:1:11: b.yaml: no such file or directory`},
		"missing extends":                {map[string]string{"compose.yaml": head + "    extends: {file: b.yaml, service: x}\n"}, Options{}, `compose.yaml:4:21: b.yaml: no such file or directory`},
		"missing extended service":       {map[string]string{"compose.yaml": head + "    extends: {service: x}\n"}, Options{}, `compose.yaml:4:14: cannot extend service "db" in compose.yaml: service "x" not found`},
		"extends cycle":                  {map[string]string{"compose.yaml": head + "    extends: {service: db}\n"}, Options{}, `compose.yaml:4:14: extends cycle: db of compose.yaml -> db of compose.yaml; remove one of the extends`},
		"unknown key":                    {map[string]string{"compose.yaml": head + "    imagee: hunter2\n"}, Options{}, `compose.yaml:4:5: services.db.imagee is not a key that Compose knows`},
		"unknown top key":                {map[string]string{"compose.yaml": head + "servicess: hunter2\n"}, Options{}, `compose.yaml:4:1: servicess is not a key that Compose knows`},
		"wrong type":                     {map[string]string{"compose.yaml": head + "    ports: hunter2\n"}, Options{}, `compose.yaml:4:12: services.db.ports must be a list`},
		"wrong type 2":                   {map[string]string{"compose.yaml": head + "    environment: hunter2\n"}, Options{}, `compose.yaml:4:18: services.db.environment must be a mapping`},
		"wrong type 3":                   {map[string]string{"compose.yaml": head + "    environment: {PASSWORD: [hunter2]}\n"}, Options{}, `compose.yaml:4:29: services.db.environment.PASSWORD must be a boolean, null, number or string`},
		"wrong type 4":                   {map[string]string{"compose.yaml": head + "    healthcheck: {retries: hunter2}\n"}, Options{}, `compose.yaml:4:28: services.db.healthcheck.retries must be a number`},
		"wrong number by variable":       {map[string]string{"compose.yaml": head + "    healthcheck: {retries: \"${DB_PASSWORD}\"}\n"}, Options{Environ: []string{"DB_PASSWORD=hunter2"}}, `compose.yaml:4:28: ${DB_PASSWORD} is a secret, and services.db.healthcheck.retries cannot hold one; move it to environment or secrets, or name DB_PASSWORD in x-compose-secure.plain if it is none`},
		"bad duration":                   {map[string]string{"compose.yaml": head + "    healthcheck: {interval: hunter2}\n"}, Options{}, `compose.yaml:4:29: services.db.healthcheck.interval: invalid duration`},
		"bad port":                       {map[string]string{"compose.yaml": head + "    ports: [\"hunter2:x\"]\n"}, Options{}, `compose.yaml:4:13: services: a port is not of the form [HOST:]CONTAINER[/PROTOCOL]`},
		"secret port":                    {map[string]string{"compose.yaml": head + "    ports: [\"80:$DB_PASSWORD\"]\n"}, Options{Environ: []string{"DB_PASSWORD=hunter2"}}, `compose.yaml:4:13: ${DB_PASSWORD} is a secret, and services.db.ports cannot hold one; move it to environment or secrets, or name DB_PASSWORD in x-compose-secure.plain if it is none`},
		"secret port long":               {map[string]string{"compose.yaml": head + "    ports: [{target: \"$DB_PASSWORD\"}]\n"}, Options{Environ: []string{"DB_PASSWORD=hunter2"}}, `compose.yaml:4:22: ${DB_PASSWORD} is a secret, and services.db.ports.target cannot hold one; move it to environment or secrets, or name DB_PASSWORD in x-compose-secure.plain if it is none`},
		"secret volume":                  {map[string]string{"compose.yaml": head + "    volumes: [\"${DB_PASSWORD}:/x:y:z\"]\n"}, Options{Environ: []string{"DB_PASSWORD=hunter2"}}, `compose.yaml:4:15: ${DB_PASSWORD} is a secret, and services.db.volumes cannot hold one; move it to environment or secrets, or name DB_PASSWORD in x-compose-secure.plain if it is none`},
		"secret name":                    {map[string]string{"compose.yaml": "name: $DB_PASSWORD\n" + head}, Options{Environ: []string{"DB_PASSWORD=hunter2"}}, `compose.yaml:1:7: ${DB_PASSWORD} is a secret, and the project's name cannot hold one; move it to environment or secrets, or name DB_PASSWORD in x-compose-secure.plain if it is none`},
		"undefined volume":               {map[string]string{"compose.yaml": head + "    volumes: [\"data:/x\"]\n"}, Options{}, `compose.yaml:4:14: service "db" refers to undefined volume data; declare it under volumes`},
		"undefined network":              {map[string]string{"compose.yaml": head + "    networks: [back]\n"}, Options{}, `compose.yaml:4:15: service "db" refers to undefined network back; declare it under networks`},
		"undefined secret":               {map[string]string{"compose.yaml": head + "    secrets: [pw]\n"}, Options{}, `compose.yaml:4:14: service "db" refers to undefined secret pw; declare it under secrets`},
		"undefined dependency":           {map[string]string{"compose.yaml": head + "    depends_on: [pw]\n"}, Options{}, `compose.yaml:4:17: service "db" depends on undefined service "pw"; declare it under services`},
		"dependency cycle":               {map[string]string{"compose.yaml": head + "    depends_on: [b]\n  b:\n    image: x\n    depends_on: [db]\n"}, Options{}, `compose.yaml:7:17: dependency cycle: b -> db -> b; remove one of the depends_on`},
		"neither image nor build":        {map[string]string{"compose.yaml": "services:\n  db:\n    command: hunter2\n"}, Options{}, `compose.yaml:3:5: service "db" has neither an image nor a build context specified`},
		"include conflict":               {map[string]string{"compose.yaml": "include: [b.yaml, c.yaml]\n" + head, "b.yaml": "secrets: {pw: {file: b}}\n", "c.yaml": "secrets: {pw: {file: c}}\n"}, Options{}, `c.yaml:1:15: secrets.pw is declared with another value at b.yaml:1:15; rename one of the two`},
		"include the same twice":         {map[string]string{"compose.yaml": "include: [b.yaml, c.yaml]\n" + head, "b.yaml": "secrets: {pw: {file: b}}\n", "c.yaml": "secrets: {pw: {file: ./b}}\n"}, Options{}, `no error`},
		"include cycle":                  {map[string]string{"compose.yaml": "include: [b.yaml]\n", "b.yaml": "include: [compose.yaml]\n"}, Options{}, `compose.yaml:1:10: include cycle: compose.yaml -> b.yaml -> compose.yaml; remove one of the includes`},
		"interpolation":                  {map[string]string{"compose.yaml": head + "    environment:\n      PASSWORD: pa$$hunter2${\n"}, Options{}, `compose.yaml:5:17: invalid interpolation in services.db.environment.PASSWORD; write $$ for a literal dollar sign`},
		"interpolation list":             {map[string]string{"compose.yaml": head + "    environment:\n      - PASSWORD=hunter2${\n"}, Options{}, `compose.yaml:5:9: invalid interpolation in services.db.environment; write $$ for a literal dollar sign`},
		"interpolation command":          {map[string]string{"compose.yaml": head + "    command: echo ${hunter2 x}\n"}, Options{}, `compose.yaml:4:14: invalid interpolation in services.db.command; write $$ for a literal dollar sign`},
		"interpolation dotted service":   {map[string]string{"compose.yaml": "services:\n  a.b:\n    image: x\n    command: echo ${hunter2 x}\n"}, Options{}, `compose.yaml:4:14: invalid interpolation in services.a.b.command; write $$ for a literal dollar sign`},
		"required":                       {map[string]string{"compose.yaml": head + "    environment:\n      PASSWORD: ${DB_PASSWORD:?ask}\n"}, Options{}, `compose.yaml:5:17: required variable DB_PASSWORD is missing a value: ask; set it in the environment, in .env or with --env-file`},
		"required no text":               {map[string]string{"compose.yaml": head + "    environment:\n      PASSWORD: ${DB_PASSWORD?}\n"}, Options{}, `compose.yaml:5:17: required variable DB_PASSWORD is missing a value; set it in the environment, in .env or with --env-file`},
		"required in include":            {map[string]string{"compose.yaml": "include: [b.yaml]\n", "b.yaml": head + "    environment:\n      PASSWORD: ${DB_PASSWORD?}\n"}, Options{}, `b.yaml:5:17: required variable DB_PASSWORD is missing a value; set it in the environment, in .env or with --env-file`},
		"required in .env":               {map[string]string{"compose.yaml": head, ".env": "A=${B:?hunter}\n"}, Options{}, `.env:1: a required variable is not set; set it in the environment or further up in the file, or put a value that holds a dollar sign in single quotes`},
		"interpolation in .env":          {map[string]string{"compose.yaml": head, ".env": "A=${hunter2\n"}, Options{}, `.env: invalid interpolation; put a value that holds a dollar sign in single quotes`},
		"no name in an include's second": {map[string]string{"compose.yaml": "include: [{path: b.yaml, env_file: [1.env, 2.env]}]\n", "b.yaml": head, "1.env": "A=b\n", "2.env": "=hunter2\n"}, Options{}, `2.env:1: a variable name is missing; write NAME=VALUE`},
		"no name in .env":                {map[string]string{"compose.yaml": head, ".env": "A=b\n\n =hunter2\n"}, Options{}, `.env:3: a variable name is missing; write NAME=VALUE`},
		"no name in env_file":            {map[string]string{"compose.yaml": head + "    env_file: a.env\n", "a.env": "=hunter2\n"}, Options{}, `a.env:1: a variable name is missing; write NAME=VALUE`},
		"no name in an include's":        {map[string]string{"compose.yaml": "include: [sub/b.yaml]\n", "sub/b.yaml": head, "sub/.env": "A=b\n=hunter2\n"}, Options{}, `sub/.env:2: a variable name is missing; write NAME=VALUE`},
		"bad .env":                       {map[string]string{"compose.yaml": head, ".env": "A=b\nPASS WORD=hunter2\n"}, Options{}, `.env:2: key cannot contain a space; write NAME=VALUE, with quotes around a value that has spaces or quotes`},
		"bad env_file of include":        {map[string]string{"compose.yaml": "include: [{path: b.yaml, env_file: b.env}]\n", "b.yaml": head, "b.env": "A=b\nPASS WORD=hunter2\n"}, Options{}, `b.env:2: key cannot contain a space; write NAME=VALUE, with quotes around a value that has spaces or quotes`},
		"interpolation in include's":     {map[string]string{"compose.yaml": "include: [sub/b.yaml]\n", "sub/b.yaml": head, "sub/.env": "DB_PASSWORD=\"hunter2${\"\n"}, Options{}, `sub/.env: invalid interpolation; put a value that holds a dollar sign in single quotes`},
		"missing env_file of include":    {map[string]string{"compose.yaml": "include: [{path: b.yaml, env_file: b.env}]\n", "b.yaml": head}, Options{}, `compose.yaml:1:36: b.env: no such file or directory`},
		"missing env_file":               {map[string]string{"compose.yaml": head + "    env_file: [b.env]\n"}, Options{}, `compose.yaml:4:15: services.db.env_file: b.env: no such file or directory; make it, or write {path: FILE, required: false}`},
		"bad env_file":                   {map[string]string{"compose.yaml": head + "    env_file: [b.env]\n", "b.env": "PASS WORD=hunter2\n"}, Options{}, `b.env:1: key cannot contain a space; write NAME=VALUE, with quotes around a value that has spaces or quotes`},
		"bad env_file format":            {map[string]string{"compose.yaml": head + "    env_file: [{path: b.env, format: hunter2}]\n", "b.env": "PASS=hunter2\n"}, Options{}, `env_file b.env has the unknown format "hunter2"; leave it out, or use raw`},
		"env file is dir":                {map[string]string{"compose.yaml": head, "b/c": ""}, Options{EnvFiles: []string{"b"}}, `b: is a directory, not a file`},
		"missing file":                   {nil, Options{Files: []string{"x.yaml"}}, `x.yaml: no such file or directory`},
		"file is dir":                    {map[string]string{"b/c": ""}, Options{Files: []string{"b"}}, `b: is a directory, not a file`},
		"bad project name":               {map[string]string{"compose.yaml": head}, Options{ProjectName: "A B"}, `invalid project name "A B": must consist only of lowercase alphanumeric characters, hyphens, and underscores as well as start with a letter or number`},
		"no such service":                {map[string]string{"compose.yaml": head}, Options{Services: []string{"x"}}, `no error`},
		"policy: plain of an include":    {map[string]string{"compose.yaml": "include: [b.yaml]\n", "b.yaml": head + "---\nx-compose-secure:\n  plain: [X]\n"}, Options{}, `b.yaml:6:3: x-compose-secure.plain has no effect in an included file; move it to the compose file that includes it`},
		"policy: sops of an include":     {map[string]string{"compose.yaml": "include: [b.yaml]\n", "b.yaml": "x-compose-secure: {sops: [x]}\n" + head}, Options{}, `b.yaml:1:20: x-compose-secure.sops has no effect in an included file; move it to the compose file that includes it`},
		"policy in a second document":    {map[string]string{"compose.yaml": head + "---\nx-compose-secure:\n  sop: [x]\n"}, Options{}, `compose.yaml:6:3: x-compose-secure has the unknown key "sop"; known are sops, secret, plain`},
		"policy unknown key":             {map[string]string{"compose.yaml": "x-compose-secure:\n  sop: [x]\n" + head}, Options{}, `compose.yaml:2:3: x-compose-secure has the unknown key "sop"; known are sops, secret, plain`},
		"policy scalar":                  {map[string]string{"compose.yaml": "x-compose-secure: true\n" + head}, Options{}, `compose.yaml:1:19: x-compose-secure must be a mapping with the keys sops, secret, plain`},
		"policy of a mapping":            {map[string]string{"compose.yaml": "x-compose-secure:\n  plain:\n    hunter2: x\n" + head}, Options{}, `compose.yaml:3:5: x-compose-secure.plain takes a string or a list of strings`},
		"policy of a list in a list":     {map[string]string{"compose.yaml": "x-compose-secure:\n  plain: [X]\n  secret: [[hunter2]]\n" + head}, Options{}, `compose.yaml:3:11: x-compose-secure.secret takes a string or a list of strings`},
		"policy glob":                    {map[string]string{"compose.yaml": "x-compose-secure: {plain: [\"[\"]}\n" + head}, Options{}, `compose.yaml: x-compose-secure.plain: "[" is not a glob, close its [ or escape it with \`},
		"reference":                      {map[string]string{"compose.yaml": head + "    labels:\n      a: <$X>\n"}, Options{Environ: []string{"X=ref+hunter2"}}, `compose.yaml:5:10: the environment: variable X: a reference has the form ref+SCHEME://PATH#/KEY`},
		"reference of a secret":          {map[string]string{"compose.yaml": head + "    secrets: [s]\nsecrets:\n  s: {environment: X}\n"}, Options{Environ: []string{"X=ref+hunter2"}}, `compose.yaml:6:20: the environment: variable X: a reference has the form ref+SCHEME://PATH#/KEY`},
		"reference of nothing":           {map[string]string{"compose.yaml": head}, Options{Environ: []string{"X=ref+hunter2", "Y=ENC[AES256_GCM,hunter2"}}, `no error`},
		"reference of an env_file":       {map[string]string{"compose.yaml": head + "    env_file: a.env\n", "a.env": "B=$X\n"}, Options{Environ: []string{"X=ENC[AES256_GCM,hunter2"}}, `compose.yaml:3:5: the environment: variable X is encrypted, but its file could not be found or is no SOPS file; name the file with --env-file or in x-compose-secure.sops`},
		"reference in .env":              {map[string]string{"compose.yaml": head, ".env": "X=ref+hunter2\n"}, Options{}, `.env: variable X: a reference has the form ref+SCHEME://PATH#/KEY`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := loadFiles(t, tt.files, tt.options)
			got := "no error"
			if err != nil {
				got = err.Error()
			}
			if tt.want != got {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if strings.Contains(got, "\n") {
				t.Error("more than one line")
			}
		})
	}
}
