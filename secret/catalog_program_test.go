package secret

import (
	"slices"
	"strings"
	"testing"
)

// A file form holds for what the image's own start handles, and for nothing else.
func TestFileFor(t *testing.T) {
	tests := map[string]struct {
		image, variable string
		program         Program
		want            bool
	}{
		"no command":                {"postgres:16", "POSTGRES_PASSWORD", Program{}, true},
		"the server":                {"postgres:16", "POSTGRES_PASSWORD", Program{Command: []string{"postgres", "-c", "fsync=off"}}, true},
		"an option":                 {"postgres:16", "POSTGRES_PASSWORD", Program{Command: []string{"-c", "fsync=off"}}, true},
		"another program":           {"postgres:16", "POSTGRES_PASSWORD", Program{Command: []string{"/backup.sh"}}, false},
		"a shell that starts it":    {"postgres:16", "POSTGRES_PASSWORD", Program{Command: []string{"sh", "-c", "exec postgres"}}, false},
		"the server by its path":    {"postgres:16", "POSTGRES_PASSWORD", Program{Command: []string{"/usr/bin/postgres"}}, false},
		"an entrypoint":             {"postgres:16", "POSTGRES_PASSWORD", Program{Entrypoint: true}, false},
		"an entrypoint and server":  {"postgres:16", "POSTGRES_PASSWORD", Program{Entrypoint: true, Command: []string{"postgres"}}, false},
		"a first word of variables": {"nextcloud", "MYSQL_PASSWORD", Program{Command: []string{"apache2" + Hole}}, false},
		"built on postgres":         {"postgis/postgis:16-3.4", "POSTGRES_PASSWORD", Program{Command: []string{"pg_dump"}}, false},
		"mysql":                     {"mysql:8", "MYSQL_ROOT_PASSWORD", Program{Command: []string{"mysqld"}}, true},
		"mysqldump":                 {"mysql:8", "MYSQL_ROOT_PASSWORD", Program{Command: []string{"mysqldump"}}, false},
		"mariadb, new name":         {"mariadb:11", "MARIADB_ROOT_PASSWORD", Program{Command: []string{"mariadbd"}}, true},
		"mariadb, old name":         {"mariadb:11", "MARIADB_ROOT_PASSWORD", Program{Command: []string{"mysqld"}}, true},
		"mariadb's client":          {"mariadb:11", "MARIADB_ROOT_PASSWORD", Program{Command: []string{"mariadb", "-h", "db"}}, false},
		"mongod":                    {"mongo:7", "MONGO_INITDB_ROOT_PASSWORD", Program{Command: []string{"mongod", "--replSet", "rs0"}}, true},
		"mongosh":                   {"mongo:7", "MONGO_INITDB_ROOT_PASSWORD", Program{Command: []string{"mongosh"}}, false},
		"apache":                    {"nextcloud", "MYSQL_PASSWORD", Program{Command: []string{"apache2-foreground"}}, true},
		"php-fpm":                   {"wordpress:6-fpm", "WORDPRESS_DB_PASSWORD", Program{Command: []string{"php-fpm"}}, true},
		"cron":                      {"nextcloud", "MYSQL_PASSWORD", Program{Command: []string{"/cron.sh"}}, false},
		"rake":                      {"redmine", "REDMINE_DB_PASSWORD", Program{Command: []string{"rake", "db:migrate"}}, true},
		"any, arguments":            {"minio/minio", "MINIO_ROOT_PASSWORD", Program{Command: []string{"server", "/data"}}, true},
		"any, a worker":             {"ghcr.io/goauthentik/server", "AUTHENTIK_SECRET_KEY", Program{Command: []string{"worker"}}, true},
		"any, with an entrypoint":   {"grafana/grafana", "GF_SECURITY_ADMIN_PASSWORD", Program{Entrypoint: true}, false},
		"s6 with a command":         {"lscr.io/linuxserver/nextcloud", "MYSQL_PASSWORD", Program{Command: []string{"bash"}}, false},
		"another variable":          {"postgres:16", "PGDATA", Program{}, false},
		"unknown image":             {"example/app", "POSTGRES_PASSWORD", Program{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			i, _ := Default().Lookup(tt.image)
			if _, got := i.FileFor(tt.variable, tt.program); got != tt.want {
				t.Errorf("FileFor(%s, %+v) of %s is %v", tt.variable, tt.program, tt.image, got)
			}
		})
	}
}

// A row without commands says that every command is handled: that is decided row by row.
func TestRowsOfAnyCommand(t *testing.T) {
	want := []string{
		"bitnami/postgresql", "bitnami/rabbitmq", "bitnami/redis", "ghcr.io/goauthentik/server", "grafana/grafana", "metabase/metabase", "minio/minio",
		"phpmyadmin", "prometheuscommunity/postgres-exporter", "qmcgaw/gluetun", "vikunja/vikunja",
	}
	var got []string
	for _, i := range Default().Images() {
		if !i.Unsupported && len(i.runs) == 0 {
			got = append(got, i.Name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}
