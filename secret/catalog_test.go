package secret

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLookup(t *testing.T) {
	tests := []struct{ name, image, want string }{
		{"bare", "postgres", "postgres"},
		{"tag", "postgres:16-alpine", "postgres"},
		{"digest", "postgres@sha256:0123", "postgres"},
		{"tag and digest", "postgres:16@sha256:0123", "postgres"},
		{"library", "library/postgres:16", "postgres"},
		{"docker.io", "docker.io/library/postgres:16", "postgres"},
		{"index.docker.io", "index.docker.io/library/postgres", "postgres"},
		{"google mirror", "mirror.gcr.io/library/postgres", "postgres"},
		{"amazon mirror", "public.ecr.aws/docker/library/postgres:16", "postgres"},
		{"pull-through cache", "harbor.example.com/hub/library/postgres:16", "postgres"},
		{"pull-through cache with a port", "harbor.example.com:5000/library/postgres", "postgres"},
		{"gitlab dependency proxy", "gitlab.example.com/g/dependency_proxy/containers/postgres:16", "postgres"},
		{"upper case", "Postgres:16", "postgres"},
		{"white space", " postgres:16 ", "postgres"},
		{"a private image of the same name", "registry.example.com/postgres:16", ""},
		{"a user's image of the same name", "me/postgres:16", ""},
		{"a registry with a port and no tag", "localhost:5000/postgres", ""},
		{"empty", "", ""},
		{"linuxserver on hub", "linuxserver/mariadb", "linuxserver/*"},
		{"linuxserver on lscr", "lscr.io/linuxserver/nextcloud:latest", "linuxserver/*"},
		{"linuxserver on ghcr", "ghcr.io/linuxserver/plex", "linuxserver/*"},
		{"zabbix web glob", "zabbix/zabbix-web-nginx-mysql:alpine-7.0-latest", "zabbix/zabbix-server-mysql"},
		{"zabbix web glob of the other database", "zabbix/zabbix-web-apache-pgsql", "zabbix/zabbix-server-pgsql"},
		{"bitnami on amazon", "public.ecr.aws/bitnami/redis:7.4", "bitnami/redis"},
		{"n8n's own registry", "docker.n8n.io/n8nio/n8n", "n8nio/n8n"},
		{"timescale -ha is another image", "timescale/timescaledb-ha:pg16", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i, ok := Default().Lookup(tt.image)
			got := ""
			if ok {
				got = i.Name
			}
			if got != tt.want {
				t.Errorf("Lookup(%q) = %q, want %q", tt.image, got, tt.want)
			}
		})
	}
}

// TestFile names the well-known traps: what is close to the convention and
// does not work.
func TestFile(t *testing.T) {
	suffix := func(v string) FileForm { return FileForm{Variable: v, ValueFormat: "%s"} }
	fixed := func(p string) FileForm { return FileForm{ValueFormat: "%s", Target: "/run/secrets/" + p} }
	none := FileForm{}
	tests := []struct {
		name, image, variable string
		want                  FileForm
	}{
		{"postgres", "postgres:16", "POSTGRES_PASSWORD", suffix("POSTGRES_PASSWORD_FILE")},
		{"postgres method is no secret", "postgres:16", "POSTGRES_HOST_AUTH_METHOD", none},
		{"postgis is postgres", "postgis/postgis:16-3.4", "POSTGRES_PASSWORD", suffix("POSTGRES_PASSWORD_FILE")},
		{"mysql", "mysql:8", "MYSQL_ROOT_PASSWORD", suffix("MYSQL_ROOT_PASSWORD_FILE")},
		{"mysql-server takes the path as the value", "mysql/mysql-server:8.0", "MYSQL_ROOT_PASSWORD", suffix("MYSQL_ROOT_PASSWORD")},
		{"mysql-server only for root", "mysql/mysql-server:8.0", "MYSQL_PASSWORD", none},
		{"mariadb new prefix", "mariadb:11", "MARIADB_ROOT_PASSWORD", suffix("MARIADB_ROOT_PASSWORD_FILE")},
		{"mariadb old prefix", "mariadb:11", "MYSQL_PASSWORD", suffix("MYSQL_PASSWORD_FILE")},
		{"mariadb hash has one prefix", "mariadb:11", "MYSQL_PASSWORD_HASH", none},
		{"mongo", "mongo:7", "MONGO_INITDB_ROOT_PASSWORD", suffix("MONGO_INITDB_ROOT_PASSWORD_FILE")},
		{"mongo database has none", "mongo:7", "MONGO_INITDB_DATABASE", none},
		{"mongo-express cookie secret has none", "mongo-express", "ME_CONFIG_SITE_COOKIESECRET", none},
		{"wordpress salt", "wordpress:6", "WORDPRESS_SECURE_AUTH_SALT", suffix("WORDPRESS_SECURE_AUTH_SALT_FILE")},
		{"redmine plain key base has none", "redmine", "SECRET_KEY_BASE", none},
		{"redmine own key base", "redmine", "REDMINE_SECRET_KEY_BASE", suffix("REDMINE_SECRET_KEY_BASE_FILE")},
		{"joomla one variable", "joomla:5", "JOOMLA_DB_PASSWORD", suffix("JOOMLA_DB_PASSWORD_FILE")},
		{"joomla not another", "joomla:5", "JOOMLA_ADMIN_PASSWORD", none},
		{"redis", "redis:7", "REDIS_PASSWORD", none},
		{"ghost", "ghost:5", "database__connection__password", none},
		{"rabbitmq without a tag", "rabbitmq", "RABBITMQ_DEFAULT_PASS", none},
		{"rabbitmq without a version", "rabbitmq:management", "RABBITMQ_DEFAULT_PASS", none},
		{"rabbitmq by digest", "rabbitmq@sha256:0123", "RABBITMQ_DEFAULT_PASS", none},
		{"rabbitmq 3 is the newest 3", "rabbitmq:3-management", "RABBITMQ_DEFAULT_PASS", none},
		{"rabbitmq 3.9", "rabbitmq:3.9", "RABBITMQ_DEFAULT_PASS", none},
		{"rabbitmq 3.13", "rabbitmq:3.13.1-management-alpine", "RABBITMQ_DEFAULT_PASS", none},
		{"rabbitmq 4", "rabbitmq:4", "RABBITMQ_DEFAULT_PASS", none},
		{"rabbitmq 3.8", "rabbitmq:3.8-management", "RABBITMQ_DEFAULT_PASS", suffix("RABBITMQ_DEFAULT_PASS_FILE")},
		{"bitnami rabbitmq differs", "bitnami/rabbitmq:4", "RABBITMQ_PASSWORD", suffix("RABBITMQ_PASSWORD_FILE")},
		{"bitnami postgresql", "bitnami/postgresql:17", "POSTGRESQL_POSTGRES_PASSWORD", suffix("POSTGRESQL_POSTGRES_PASSWORD_FILE")},
		{"bitnami postgresql other prefix", "bitnamilegacy/postgresql:17", "POSTGRES_PASSWORD", suffix("POSTGRES_PASSWORD_FILE")},
		{"bitnami redis", "bitnami/redis", "REDIS_PASSWORD", suffix("REDIS_PASSWORD_FILE")},
		{"bitnami redis key is a path of its own", "bitnami/redis", "REDIS_TLS_KEY", none},
		{"odoo one variable", "odoo:18", "PASSWORD", suffix("PASSWORD_FILE")},
		{"odoo not another", "odoo:18", "DB_PASSWORD", none},
		{"nextcloud", "nextcloud:apache", "OBJECTSTORE_S3_SECRET", suffix("OBJECTSTORE_S3_SECRET_FILE")},
		{"influxdb 2", "influxdb:2.7-alpine", "DOCKER_INFLUXDB_INIT_PASSWORD", suffix("DOCKER_INFLUXDB_INIT_PASSWORD_FILE")},
		{"influxdb 2 is the newest 2", "influxdb:2", "DOCKER_INFLUXDB_INIT_PASSWORD", suffix("DOCKER_INFLUXDB_INIT_PASSWORD_FILE")},
		{"influxdb 1", "influxdb:1.8", "INFLUXDB_ADMIN_PASSWORD", none},
		{"influxdb without a version may be 3", "influxdb", "DOCKER_INFLUXDB_INIT_PASSWORD", none},
		{"neo4j", "neo4j:5", "NEO4J_AUTH", suffix("NEO4J_AUTH_PATH")},
		{"neo4j not another", "neo4j:5", "NEO4J_PASSWORD", none},
		{"grafana has two underscores", "grafana/grafana:11.0.0", "GF_SECURITY_ADMIN_PASSWORD", suffix("GF_SECURITY_ADMIN_PASSWORD__FILE")},
		{"grafana only its own", "grafana/grafana", "ADMIN_PASSWORD", none},
		{"linuxserver prefix", "lscr.io/linuxserver/mariadb", "MYSQL_ROOT_PASSWORD", suffix("FILE__MYSQL_ROOT_PASSWORD")},
		{"linuxserver not twice", "lscr.io/linuxserver/mariadb", "FILE__MYSQL_ROOT_PASSWORD", none},
		{"gitea", "gitea/gitea:1.22", "GITEA__database__PASSWD", suffix("GITEA__database__PASSWD__FILE")},
		{"gitea plain variable", "gitea/gitea:1.22", "DB_PASSWD", none},
		{"gitea without a section", "gitea/gitea:1.22", "GITEA__PASSWD", none},
		{"n8n", "n8nio/n8n", "N8N_ENCRYPTION_KEY", suffix("N8N_ENCRYPTION_KEY_FILE")},
		{"paperless any", "ghcr.io/paperless-ngx/paperless-ngx", "PAPERLESS_DBPASS", suffix("PAPERLESS_DBPASS_FILE")},
		{"paperless not twice", "ghcr.io/paperless-ngx/paperless-ngx", "PAPERLESS_DBPASS_FILE", none},
		{"immich", "ghcr.io/immich-app/immich-server:release", "DB_PASSWORD", suffix("DB_PASSWORD_FILE")},
		{"immich exports the redis file as something else", "ghcr.io/immich-app/immich-server:release", "REDIS_PASSWORD", none},
		{"pgadmin", "dpage/pgadmin4:8", "PGADMIN_DEFAULT_PASSWORD", suffix("PGADMIN_DEFAULT_PASSWORD_FILE")},
		{"pgadmin mail has none", "dpage/pgadmin4:8", "PGADMIN_DEFAULT_EMAIL", none},
		{"pgadmin old", "dpage/pgadmin4:4.30", "PGADMIN_DEFAULT_PASSWORD", none},
		{"authelia", "authelia/authelia", "AUTHELIA_SESSION_SECRET", suffix("AUTHELIA_SESSION_SECRET_FILE")},
		{"authelia only four endings", "authelia/authelia", "AUTHELIA_THEME", none},
		{"metabase encryption key is not in the list", "metabase/metabase", "MB_ENCRYPTION_SECRET_KEY", none},
		{"metabase", "metabase/metabase:v0.50.1", "MB_DB_PASS", suffix("MB_DB_PASS_FILE")},
		{"metabase old", "metabase/metabase:v0.41.0", "MB_DB_PASS", none},
		{"vaultwarden any", "vaultwarden/server:latest", "ADMIN_TOKEN", suffix("ADMIN_TOKEN_FILE")},
		{"hedgedoc fixed name", "quay.io/hedgedoc/hedgedoc:1.9", "CMD_DB_URL", fixed("dbURL")},
		{"netbox fixed name", "netboxcommunity/netbox:v4.0", "SECRET_KEY", fixed("secret_key")},
		{"kong", "kong:3", "KONG_PG_RO_PASSWORD", suffix("KONG_PG_RO_PASSWORD_FILE")},
		{"kong license is no setting", "kong/kong-gateway:3", "KONG_LICENSE_DATA", none},
		{"satosa", "satosa", "STATE_ENCRYPTION_KEY", suffix("STATE_ENCRYPTION_KEY_FILE")},
		{"satosa not another", "satosa", "API_KEY", none},
		{"mealie", "hkotel/mealie:v2.8.0", "POSTGRES_PASSWORD", suffix("POSTGRES_PASSWORD_FILE")},
		{"mealie old", "ghcr.io/mealie-recipes/mealie:v2.4.1", "POSTGRES_PASSWORD", none},
		{"espocrm", "espocrm", "ESPOCRM_DATABASE_PASSWORD", suffix("ESPOCRM_DATABASE_PASSWORD_FILE")},
		{"espocrm settings have none", "espocrm", "ESPOCRM_CONFIG_SMTP_PASSWORD", none},
		{"friendica redis", "friendica", "REDIS_PW", suffix("REDIS_PW_FILE")},
		{"roundcube fixed name", "roundcube/roundcubemail", "ROUNDCUBEMAIL_DB_PASSWORD", fixed("roundcube_db_password")},
		{"postgres-exporter whole dsn has none", "prometheuscommunity/postgres-exporter", "DATA_SOURCE_NAME", none},
		{"authentik value prefix", "ghcr.io/goauthentik/server:2024.6", "AUTHENTIK_SECRET_KEY", FileForm{Variable: "AUTHENTIK_SECRET_KEY", ValueFormat: "file://%s"}},
		{"tailscale value prefix", "tailscale/tailscale:stable", "TS_AUTHKEY", FileForm{Variable: "TS_AUTHKEY", ValueFormat: "file:%s"}},
		{"gluetun", "qmcgaw/gluetun", "OPENVPN_PASSWORD", suffix("OPENVPN_PASSWORD_SECRETFILE")},
		{"pihole 5", "pihole/pihole:2024.07.0", "WEBPASSWORD", suffix("WEBPASSWORD_FILE")},
		{"pihole 6", "pihole/pihole:2025.02.0", "WEBPASSWORD", none},
		{"pihole newest", "pihole/pihole:latest", "WEBPASSWORD", none},
		{"miniflux", "miniflux/miniflux", "DATABASE_URL", suffix("DATABASE_URL_FILE")},
		{"miniflux not another", "miniflux/miniflux", "PROXY_PRIVATE_KEY", none},
		{"traefik only dns providers", "traefik:v3", "CF_DNS_API_TOKEN", suffix("CF_DNS_API_TOKEN_FILE")},
		{"traefik static configuration has none", "traefik:v3", "TRAEFIK_PILOT_TOKEN", none},
		{"keycloak", "quay.io/keycloak/keycloak:25", "KEYCLOAK_ADMIN_PASSWORD", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i, found := Default().Lookup(tt.image)
			if !found {
				t.Fatalf("Lookup(%q) finds nothing", tt.image)
			}
			got, ok := i.File(tt.variable)
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != (tt.want != none) {
				t.Errorf("File(%q) = %v, %t (-want +got):\n%s", tt.variable, got, ok, diff)
			}
			if ok && got.Variable != "" && got.Variable != tt.variable {
				if o, ok := i.Original(got.Variable); !ok || o != tt.variable {
					t.Errorf("Original(%q) = %q, %t, want %q", got.Variable, o, ok, tt.variable)
				}
			}
		})
	}
}

func TestFacts(t *testing.T) {
	es, _ := Default().Lookup("docker.elastic.co/elasticsearch/elasticsearch:8.14.0")
	if diff := cmp.Diff(&Owner{UID: 1000, GID: 0, Mode: 0o400}, es.Owner); diff != "" {
		t.Errorf("elasticsearch owner (-want +got):\n%s", diff)
	}
	gf, _ := Default().Lookup("grafana/grafana")
	if gf.RunsAs != "472" {
		t.Errorf("grafana runs as %q, want 472", gf.RunsAs)
	}
	for image, want := range map[string]BothSet{"postgres": BothError, "wordpress": BothFile, "n8nio/n8n": BothVariable} {
		if i, _ := Default().Lookup(image); i.BothSet != want {
			t.Errorf("%s: both set is %q, want %q", image, i.BothSet, want)
		}
	}
	for image, want := range map[string]Newline{"postgres": NewlineTrimmed, "directus/directus": NewlineKept} {
		if i, _ := Default().Lookup(image); i.Newline != want {
			t.Errorf("%s: newline is %q, want %q", image, i.Newline, want)
		}
	}
	if i, _ := Default().Lookup("redis"); !i.Unsupported {
		t.Error("redis is not marked as reading no file")
	}
	if i, _ := Default().Lookup("rabbitmq:3.8"); i.Verified {
		t.Error("rabbitmq 3.8 is known from documentation only")
	}
	var unknown *Image
	if _, ok := unknown.File("X"); ok {
		t.Error("an image without a row reads a file")
	}
}

// TestCatalogData checks what the parser cannot: that every name and every
// pattern of the data leads back to its row.
func TestCatalogData(t *testing.T) {
	c := Default()
	if got, want := len(c.Images()), 71; got < want {
		t.Errorf("%d rows, want at least %d", got, want)
	}
	for _, i := range c.Images() {
		for _, n := range i.names {
			image := strings.ReplaceAll(n, "*", "x") + ":" + tagIn(i.tags)
			if got, ok := c.Lookup(image); !ok || got != i {
				t.Errorf("%s: Lookup(%q) does not lead back", i.Name, image)
			}
		}
		for _, v := range i.vars {
			name := strings.ReplaceAll(v.glob, "*", "X_")
			if _, ok := i.File(name); !ok {
				t.Errorf("%s: File(%q) is false", i.Name, name)
			}
		}
		for _, e := range i.except {
			if _, ok := i.File(strings.ReplaceAll(e, "*", "X")); ok {
				t.Errorf("%s: %q is an exception and has a file form", i.Name, e)
			}
		}
	}
}

// tagIn gives a tag that lies in r.
func tagIn(r versionRange) string {
	if r.from == nil {
		return "0.1"
	}
	var parts []string
	for _, n := range r.from {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ".")
}

func TestParseCatalogErrors(t *testing.T) {
	head := strings.Join(catalogColumns[:], ",") + "\n"
	tests := []struct{ name, data, want string }{
		{"columns", "a,b,c,d,e,f,g,h,i,j,k,l,m\n", "the columns must be"},
		{"no image", head + ",,none,,,,,,,,no,a:b,\n", "no image is named"},
		{"not normalised", head + "docker.io/x:1,,none,,,,,,,,no,a:b,\n", "not a normalised name"},
		{"no source", head + "x,,none,,,,,,,,no,,\n", "line 2: x: source"},
		{"unknown form", head + "x,,infix:Y,A,,,error,kept,,,no,a:b,\n", "is no form"},
		{"value without a place", head + "x,,value:file,A,,,error,kept,,,no,a:b,\n", "is no form"},
		{"none with variables", head + "x,,none,A,,,,,,,no,a:b,\n", "if and only if"},
		{"suffix without variables", head + "x,,suffix:_FILE,,,,error,kept,,,no,a:b,\n", "if and only if"},
		{"bad pattern", head + "x,,suffix:_FILE,A[,,,error,kept,,,no,a:b,\n", "is no pattern"},
		{"bad command", head + "x,,suffix:_FILE,A,,a[,error,kept,,,no,a:b,\n", "is no pattern"},
		{"none with commands", head + "x,,none,,,a,,,,,no,a:b,\n", "commands are given only"},
		{"fixed without target", head + "x,,fixed,A,,,error,kept,,,no,a:b,\n", "NAME=TARGET"},
		{"relative target", head + "x,,fixed,A=b,,,error,kept,,,no,a:b,\n", "absolute path"},
		{"bad range", head + "x,3.9,none,,,,,,,,no,a:b,\n", "range of versions"},
		{"range without a number", head + "x,>=new,none,,,,,,,,no,a:b,\n", "holds no version"},
		{"bad word", head + "x,,suffix:_FILE,A,,,perhaps,kept,,,no,a:b,\n", "documented words"},
		{"bad verified", head + "x,,none,,,,,,,,maybe,a:b,\n", "yes or no"},
		{"bad owner", head + "x,,suffix:_FILE,A,,,error,kept,root,,no,a:b,\n", "UID:GID MODE"},
		{"bad uid", head + "x,,suffix:_FILE,A,,,error,kept,,root,no,a:b,\n", "is not a user other than root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseCatalog(strings.NewReader(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
