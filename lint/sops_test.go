package lint

import "testing"

// TestMentionOfSOPS looks into a file that speaks of SOPS and has the start of an encrypted value: SOPS has not written it.
func TestMentionOfSOPS(t *testing.T) {
	dir := project(t, `
-- compose.yaml --
# encrypted with sops: see README
services:
  a:
    image: x
    environment: {A_PASSWORD: hunter2, B: "ENC[AES256_GCM,x"}
`)
	if found := lintDir(t, dir, Options{Rules: []string{"CS001"}}).Findings; len(found) != 1 {
		t.Errorf("%d findings", len(found))
	}
}
