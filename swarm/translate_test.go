package swarm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, text string) *types.Project {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: "/project", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: []byte(text)}},
	}, func(o *loader.Options) { o.SetProjectName("shop", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestTranslate(t *testing.T) {
	cases := map[string]struct {
		service string // lines of one service
		want    string // JSON of it, without image and labels of the deploy
		ignored []string
		version string
	}{
		"ports are numbers": {
			service: `ports: ["8080:80", {target: 5, published: "6", mode: host, protocol: udp}, "7"]`,
			want: `{"ports":[{"mode":"ingress","target":80,"published":8080,"protocol":"tcp"},
			       {"mode":"host","target":5,"published":6,"protocol":"udp"},{"mode":"ingress","target":7,"protocol":"tcp"}]}`,
		},
		"host address of a port": {
			service: `ports: ["127.0.0.1:80:80"]`,
			want:    `{"ports":[{"mode":"ingress","target":80,"published":80,"protocol":"tcp"}]}`,
			ignored: []string{"ports.host_ip"},
		},
		"depends_on is a list": {
			service: `depends_on: {other: {condition: service_healthy}}`,
			want:    `{"depends_on":["other"]}`,
			ignored: []string{"depends_on"},
		},
		"keys without a meaning": {
			service: "container_name: x1\n    restart: always\n    privileged: true\n    build: .\n    cpu_shares: 5",
			want:    `{}`,
			ignored: []string{"build", "container_name", "cpu_shares", "privileged", "restart"},
		},
		"resources": {
			service: `deploy: {replicas: 0, resources: {limits: {cpus: "0.5", memory: 50M, pids: 10}, reservations: {cpus: 0.25, devices: [{capabilities: [gpu]}]}}}`,
			want:    `{"deploy":{"replicas":0,"resources":{"limits":{"cpus":"0.5","memory":"52428800","pids":10},"reservations":{"cpus":"0.25"}}}}`,
			ignored: []string{"deploy.resources.reservations.devices"},
		},
		"scale is replicas": {service: `scale: 3`, want: `{"deploy":{"replicas":3}}`},
		"dollars are doubled": {
			service: `environment: {A: "b$$c", N: null}`,
			want:    `{"environment":{"A":"b$$c","N":null}}`,
		},
		"mounts": {
			service: `volumes: ["./x:/x:ro", {type: tmpfs, target: /t, tmpfs: {size: 10m}}, "data:/d"]`,
			want: `{"volumes":[{"type":"bind","source":"/project/x","target":"/x","read_only":true},
			       {"type":"tmpfs","target":"/t","tmpfs":{"size":10485760}},{"type":"volume","source":"data","target":"/d"}]}`,
		},
		"files": {
			service: "secrets: [{source: s, target: /abs, uid: '5', mode: 0400}, s]\n    configs: [{source: c, target: /etc/c, mode: 0555}]",
			want: `{"secrets":[{"source":"s","target":"/abs","uid":"5","mode":256},{"source":"s","target":"s"}],
			       "configs":[{"source":"c","target":"/etc/c","mode":365}]}`,
		},
		"hosts":                   {service: `extra_hosts: ["a:1.2.3.4", "b:::1"]`, want: `{"extra_hosts":["a:1.2.3.4","b:::1"]}`},
		"a key of a later format": {service: `healthcheck: {test: ["CMD", "x"], start_interval: 1s}`, want: `{"healthcheck":{"test":["CMD","x"],"start_interval":"1s"}}`, version: "3.12"},
		"networks":                {service: `networks: {front: {aliases: [w], priority: 5}}`, want: `{"networks":{"front":{"aliases":["w"]}}}`, ignored: []string{"networks.priority"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			project := load(t, "services:\n  other: {image: x}\n  web:\n    image: nginx\n    "+c.service+
				"\nvolumes: {data: {}}\nnetworks: {front: {}}\nsecrets: {s: {file: ./s}}\nconfigs: {c: {file: ./c}}\n")
			text, ignored, err := Translate(project, Names{map[string]string{"s": "shop_s_v1"}, map[string]string{"c": "shop_c_v2"}}, map[string]string{"l": "v"})
			if err != nil {
				t.Fatal(err)
			}
			var model, want map[string]any
			if err := json.Unmarshal(text, &model); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if want["deploy"] == nil {
				want["deploy"] = map[string]any{}
			}
			want["deploy"].(map[string]any)["labels"] = map[string]any{"l": "v"}
			want["image"] = "nginx"
			got := model["services"].(map[string]any)["web"].(map[string]any)
			if deploy, ok := got["deploy"].(map[string]any); ok && blank(deploy["placement"]) {
				delete(deploy, "placement") // compose-go always has one
			}
			if networks, ok := got["networks"]; ok && want["networks"] == nil {
				want["networks"] = networks // the default one
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			var keys []string
			for _, ig := range ignored {
				keys = append(keys, ig.Key)
			}
			if diff := cmp.Diff(c.ignored, keys); diff != "" {
				t.Errorf("ignored: %s", diff)
			}
			if c.version != "" && model["version"] != c.version {
				t.Errorf("version %v, want %s", model["version"], c.version)
			}
			for section, name := range map[string]string{"secrets": "shop_s_v1", "configs": "shop_c_v2"} {
				for _, object := range model[section].(map[string]any) {
					if diff := cmp.Diff(map[string]any{"external": true, "name": name}, object); diff != "" {
						t.Errorf("%s: %s", section, diff)
					}
				}
			}
			if _, named := model["networks"].(map[string]any)["default"].(map[string]any)["name"]; named {
				t.Error("a network has a name that compose-go made up")
			}
		})
	}
}

func TestTranslateRefuses(t *testing.T) {
	cases := map[string]struct{ service, want string }{
		"no image":        {"build: .", "services.web has no image"},
		"a range of port": {"image: x\n    ports: [{target: 80, published: 8000-8010}]", "no single port"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := Translate(load(t, "services:\n  web:\n    "+c.service+"\n"), Names{}, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
