package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// vault VARIABLE FILE starts a Vault whose transit engine "encrypts" as base64, sets VARIABLE to its address and
// writes a line "METHOD PATH" to FILE for each request; with a token, "token" stands behind it.
func vault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: vault VARIABLE FILE")
	}
	log, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Plaintext, Ciphertext string }
		_ = json.NewDecoder(r.Body).Decode(&body) // what else it is has no answer
		token := ""
		if r.Header.Get("X-Vault-Token") != "" {
			token = " token"
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(log, "%s %s%s\n", r.Method, r.URL.EscapedPath(), token)
		answer := map[string]string{"ciphertext": "vault:v1:" + body.Plaintext}
		if body.Ciphertext != "" {
			answer = map[string]string{"plaintext": strings.TrimPrefix(body.Ciphertext, "vault:v1:")}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": answer})
	}))
	ts.Defer(func() {
		server.Close()
		_ = log.Close()
	})
	ts.Setenv(args[0], server.URL)
}
