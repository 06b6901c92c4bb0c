package lint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/compose-secure/compose-secure/secret"
)

// ~ stands for a hole.
func TestExpand(t *testing.T) {
	tests := []struct {
		name, raw, want string
		defaults        []string // NAME=text
		open            []string
	}{
		{"plain", "abc", "abc", nil, nil},
		{"escape", "a$$b", "a$b", nil, nil},
		{"unbraced", "a${X}b$Y_1-c", "a~b~-c", nil, []string{"X", "Y_1"}},
		{"default if empty", "${X:-d}", "d", []string{"X=d"}, nil},
		{"default if unset", "${X-d}", "d", []string{"X=d"}, nil},
		{"empty default", "${X:-}", "~", nil, []string{"X"}},
		{"required", "${X:?set X}", "~", nil, []string{"X"}},
		{"alternative", "${X:+yes}", "yes", []string{"X=yes"}, nil},
		{"nested", "${X:-${Y:-d}}", "d", []string{"Y=d", "X=d"}, nil},
		{"nested open", "${X:-a${Y}}", "a~", []string{"X=a~"}, []string{"Y"}},
		{"mistake", "${X:d}", "d", []string{"X=d"}, nil},
		{"unclosed", "${X", "${X", nil, nil},
		{"no name", "${}$ $1", "${}$ $1", nil, nil},
		{"dollar at the end", "a$", "a$", nil, nil},
		{"too deep is text", strings.Repeat("${X:-", 20) + strings.Repeat("}", 20), "", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := expand(tt.raw, false)
			if tt.name == "too deep is text" {
				return // it has to end, nothing more
			}
			var defaults []string
			for _, d := range e.defaults {
				defaults = append(defaults, d.name+"="+strings.ReplaceAll(e.text[d.start:d.end], secret.Hole, "~"))
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(e.text, secret.Hole, "~")); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.defaults, defaults); diff != "" {
				t.Errorf("defaults (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.open, e.open); diff != "" {
				t.Errorf("open (-want +got):\n%s", diff)
			}
			for i := range e.text {
				if c := e.text[i]; c != 0 && tt.raw[e.at(i)] != c {
					t.Errorf("text[%d] comes from raw[%d], which differs", i, e.at(i))
				}
			}
		})
	}
	if e := expand("$$X ${Y:-z}", true); e.text != "$\x00 z" {
		t.Errorf("a shell knows no $$ escape: %q", e.text)
	}
}

// » and « mark what has to be found.
func TestInspectCommand(t *testing.T) {
	tests := []struct{ name, command string }{
		{"flag with equals", "x --password=»p«"},
		{"flag with a word", "x --password »p« y"},
		{"flag behind a folded line continuation", `x -c "y \ --user a \ --password »p«"`},
		{"flag quoted", "x --password '»a b«' y"},
		{"flag file", "x --password-file /p"},
		{"flag of a switch", "x --no-password p"},
		{"flag followed by a flag", "x --password --verbose"},
		{"single dash", "keytool -storepass »p«"},
		{"masterauth", "redis-server --requirepass »p« --masterauth »q«"},
		{"config set", "redis-cli config set requirepass »p«"},
		{"redis-cli", "redis-cli -a »p« ping"},
		{"redis-cli variable", "redis-cli -a $$P ping"},
		{"mysql", "mysql -uroot -p»p« db"},
		{"mysql prompt", "mysql -uroot -p db"},
		{"port is no password", "docker run -p 80:80 -pfoo"},
		{"mongosh", "mongosh -u a -p »p«"},
		{"sshpass", "sshpass -p »p« ssh x"},
		{"curl", "curl -f -u c:»d« y"},
		{"docker login", "docker login -u a -p »p« r"},
		{"sqlcmd joined", "/opt/mssql-tools/bin/sqlcmd -S . -U sa -P\"»p«\""},
		{"rabbitmqctl", "rabbitmqctl add_user u »p« && rabbitmqctl set_user_tags u administrator"},
		{"mc", "mc alias set a http://x k »p«"},
		{"htpasswd", "htpasswd -bc /f u »p«"},
		{"htpasswd to stdout", "htpasswd -nbB u »p«"},
		{"chpasswd", "echo 'root:»p«' | chpasswd"},
		{"chpasswd of anyone", `echo "git:»p«" |chpasswd`},
		{"chpasswd for a variable", "echo $USER:»p« | sudo chpasswd"},
		{"chpasswd of a variable", "echo git:$PASS | chpasswd"},
		{"chpasswd with a format", "printf 'git:%s' $PASS | chpasswd"},
		{"chpasswd, two lines", `printf 'git:»p«\n' | chpasswd`},
		{"a pair for another program", "echo 'git:p' | tee f"},
		{"a pair that nothing reads", "echo git:p; chpasswd < f"},
		{"passwd", "echo '»p«' | passwd --stdin root"},
		{"passwd twice", `printf '»p«\np\n' | passwd a`},
		{"passwd behind a format", `printf '%s\n' »p« | passwd a`},
		{"vncpasswd in a script", `sh -c 'echo »p« | vncpasswd -f > /f'`},
		{"password from standard input", "echo »p« | docker login -u a --password-stdin r"},
		{"debconf", `echo "mysql mysql/root_password password »p«" | debconf-set-selections`},
		{"debconf without a password", `echo "x x/mode select p" | debconf-set-selections`},
		{"WildFly's add-user.sh", "/opt/wildfly/bin/add-user.sh admin »p« --silent"},
		{"add-user.sh with options", "add-user.sh -a -u admin -p »p« -g ops"},
		{"add-user.sh that asks", "add-user.sh admin --silent"},
		{"add-user.sh for a file", "add-user.sh -up /f"},
		{"useradd", "useradd -m -p »p« a"},
		{"net user", "net user /add a »p«"},
		{"net user of a variable", "net user a $P /add"},
		{"net start", "net start a b"},
		{"openssl", "openssl rsa -passin pass:»p«"},
		{"sql", `psql -c "CREATE USER a WITH PASSWORD '»p«'; ALTER USER b IDENTIFIED BY '»q«'"`},
		{"environment", "PGPASSWORD=»p« psql -h db"},
		{"script in a script", `sh -c "PGPASSWORD=»p« psql; x --token '»q«'"`},
		{"url", "x http://a:»p«@h/ y"},
		{"after a comment", "x # --password p\ny --password »q«"},
		{"shell default", "x --password $${P:-»d«}"},
		{"compose default", "x --password ${PASSWORD:-»d«}"},
		{"command substitution", "x --password $$(cat /p)"},
		{"comparison", "pip install salt==3002"},
		{"curl joined", "curl -fsS -uuser:»pw« http://x"},
		{"curl header", "curl -H 'X-Api-Key: »pw«' http://x"},
		{"curl bearer", "curl -H 'Authorization: Bearer »abcd«' http://x"},
		{"curl bearer variable", "curl -H 'Authorization: Bearer $$TOKEN' http://x"},
		{"curl plain header", "curl -H 'Content-Type: application/json' http://x"},
		{"curl header variable", "curl --header 'X-Token: ${TOKEN}' http://x"},
		{"wget header", "wget --header 'X-Token: »pw«' http://x"},
		{"ttyd", "ttyd -c user:»pw« bash"},
		{"cqlsh", "cqlsh -u cassandra -p »pw«"},
		{"airflow", "airflow users create -u admin -p »pw« -r Admin"},
		{"mc user", "mc admin user add local user »pw«"},
		{"mc policy", "mc admin policy attach local readonly"},
		{"neo4j-admin", "neo4j-admin set-initial-password »pw«"},
		{"snmpwalk", "snmpwalk -v2c -c »pw« host"},
		{"mosquitto_passwd", "mosquitto_passwd -b /mosquitto/passwd user »pw«"},
		{"host and port", "tcp-connect:db:5432"},
		{"fingerprint", "gpg --recv-keys 0123456789ABCDEF0123456789ABCDEF01234567"},
		{"lego of names", "x --auth-type basic --token-ttl 5 --secret-name n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := strings.NewReplacer("»", "", "«", "").Replace(tt.command)
			marked := []byte(raw)
			found := inspectCommand(secret.Policy{}, []string{raw}, false)
			for i := len(raw); i >= 0; i-- {
				for _, l := range found {
					if l.end == i {
						marked = append(marked[:i:i], append([]byte("«"), marked[i:]...)...)
					}
				}
				for _, l := range found {
					if l.start == i {
						marked = append(marked[:i:i], append([]byte("»"), marked[i:]...)...)
					}
				}
			}
			if diff := cmp.Diff(tt.command, string(marked)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestInspectCommandList(t *testing.T) {
	got := inspectCommand(secret.Policy{}, []string{"redis-server", "--requirepass", "p", "sh", "x --token=q"}, true)
	want := []commandLiteral{{literal{start: 0, end: 1, name: "requirepass"}, 2}, {literal{start: 10, end: 11, name: "token"}, 4}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(commandLiteral{}, literal{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseEnv(t *testing.T) {
	const data = "\ufeffZ=y\n# A=b\n\nA=b\n  export B = \"c d\" # x\r\nC='$d'\nD=e # f\nE=\nF=#g\nG: h\nnot a line\nH=\"x\ny\"\nI=\"open\nJ=k#l\n"
	src := newSource("x", []byte(data))
	var got []string
	for _, v := range parseEnv(src, false) {
		if v.value != data[v.start:v.end] {
			t.Errorf("%s: value and place differ", v.name)
		}
		got = append(got, v.name+"="+v.value)
	}
	want := []string{"Z=y", "A=b", "B=c d", "C=$d", "D=e", "E=", "F=", "G=h", "H=x\ny", "I=\"open", "J=k#l"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSetting(t *testing.T) {
	tests := []struct{ line, want string }{
		{"password: x", "password|x"},
		{"  - password = 'x y'", "password|x y"},
		{`"password": "x",`, "password|x"},
		{"requirepass x", "requirepass|x"},
		{"# password: x", ""},
		{"http://a", ""},
		{"if (a == b)", ""},
		{"", ""},
		{"=x", ""},
	}
	for _, tt := range tests {
		key, from, to, ok := setting(tt.line)
		got := ""
		if ok {
			got = key + "|" + tt.line[from:to]
		}
		if got != tt.want {
			t.Errorf("setting(%q) = %q, want %q", tt.line, got, tt.want)
		}
	}
}
