package lint

import "testing"

func TestKindOf(t *testing.T) {
	tests := map[string]kind{
		".env": kindEnv, ".env.local": kindEnv, ".env-prod": kindEnv, ".env_example": kindEnv, "db.env": kindEnv, "DB.ENV": kindEnv,
		"env.example": kindEnv, "env.sample": kindEnv, "db.env.dist": kindEnv, "env": kindEnv, "sub/stack.env.template": kindEnv,
		".envs/.local/.postgres": kindEnv, "a/.envs/.production/.django": kindEnv, ".envs/README": kindCompose, ".envs/compose.yaml": kindCompose,
		".envs/.gitignore": kindCompose, ".postgres": kindCompose,
		".envrc": kindCompose, "env.yml": kindCompose, "compose.example.yaml": kindCompose, "environment.yaml": kindCompose,
		"Dockerfile": kindDockerfile, "Dockerfile.dev": kindDockerfile, "api.Dockerfile": kindDockerfile, "Containerfile": kindDockerfile,
		"Dockerfile.md": kindCompose, "compose.yaml": kindCompose,
	}
	for path, want := range tests {
		if got := kindOf(path); got != want {
			t.Errorf("kindOf(%q) = %d, want %d", path, got, want)
		}
	}
}
