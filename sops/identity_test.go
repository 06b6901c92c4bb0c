package sops_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	lib "github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/keys"

	"github.com/compose-secure/compose-secure/sops"
)

// An identity in the clear opens a file before anything is asked for one: not
// a command, and not for the other keys of the group.
func TestIdentityAtHand(t *testing.T) {
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	pqKey, err := sopsage.MasterKeyFromRecipient(pq.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		place func(t *testing.T, identity string)
		pq    bool
		order string
		asks  bool
	}{
		{name: "in SOPS_AGE_KEY", place: func(t *testing.T, id string) { t.Setenv("SOPS_AGE_KEY", id) }},
		{name: "in the file of SOPS_AGE_KEY_FILE", place: func(t *testing.T, id string) { t.Setenv("SOPS_AGE_KEY_FILE", keyFile(t, t.TempDir(), id)) }},
		{name: "in the user's configuration", place: func(t *testing.T, id string) {
			keyFile(t, filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "sops", "age"), id)
		}},
		{name: "post-quantum", place: func(t *testing.T, id string) { t.Setenv("SOPS_AGE_KEY", id) }, pq: true},
		{name: "beside a plugin's, which may ask", place: func(t *testing.T, id string) { t.Setenv("SOPS_AGE_KEY", id+"\nAGE-PLUGIN-X-1") }},
		{name: "after another kind of key, as the user wants it", place: func(t *testing.T, id string) { t.Setenv("SOPS_AGE_KEY", id) }, order: "pgp,age", asks: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			emptyHome(t)
			identity, key := ageKey(t)
			if tt.pq {
				identity, key = pq.String(), pqKey
			}
			_, other := ageKey(t)
			enc := recipe{format: sops.YAML, keys: []keys.MasterKey{other, key}}.encrypt(t, plainYAML)
			tt.place(t, identity)
			asked := filepath.Join(t.TempDir(), "asked")
			keyCommand(t, "echo x >>"+asked+"; echo "+identity)
			if tt.order != "" {
				t.Setenv("SOPS_DECRYPTION_ORDER", tt.order)
			}
			if _, err := inspect(t, "x.yaml", enc).Decrypt(context.Background()); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(asked); (err == nil) != tt.asks {
				t.Errorf("the key command was run: %t, want %t", err == nil, tt.asks)
			}
		})
	}
}

// What opens without asking is decrypted before anybody wants a value, and
// nothing else is.
func TestCacheAhead(t *testing.T) {
	have := ageHome(t)
	_, lost := ageKey(t)
	asked := filepath.Join(t.TempDir(), "asked")
	keyCommand(t, "echo x >>"+asked)
	encrypt := func(r recipe) []byte {
		r.format = sops.YAML
		return r.encrypt(t, plainYAML)
	}
	group := func(k *sopsage.MasterKey) lib.KeyGroup {
		return lib.KeyGroup{&sopsage.MasterKey{Recipient: k.Recipient}}
	}
	cache := sops.NewCache(t.TempDir())
	cache.Ahead()
	open, err := cache.Add("open.yaml", encrypt(recipe{keys: []keys.MasterKey{lost, have}}))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-open.Decrypted():
	case <-time.After(time.Minute):
		t.Fatal("a file for the identity at hand is not decrypted")
	}
	var waiting []*sops.File
	for name, r := range map[string]recipe{
		"lost.yaml":   {keys: []keys.MasterKey{lost}},
		"groups.yaml": {groups: []lib.KeyGroup{group(have), group(lost)}},
	} {
		f, err := cache.Add(name, encrypt(r))
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, f)
	}
	time.Sleep(100 * time.Millisecond)
	for _, f := range waiting {
		select {
		case <-f.Decrypted():
			t.Errorf("%s: somebody was asked before a value was wanted", f.Path())
		default:
		}
	}
	if _, err := os.Stat(asked); err == nil {
		t.Error("the key command was run before a value was wanted")
	}
	// The error is told to whoever wants the value.
	if err := cache.DecryptAll(context.Background(), waiting...); err == nil || strings.Count(err.Error(), sops.ErrNoKey.Error()) != 2 {
		t.Errorf("want an error for each of the two files, got %v", err)
	}
}

func keyFile(t *testing.T, dir, identity string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "keys.txt")
	write(t, name, []byte("# public key: ...\n"+identity+"\n"))
	return name
}

type panicking struct{}

func (panicking) Unwrap([]*age.Stanza) ([]byte, error) { panic("sentinel") }

// A panic of a library ahead of the time must not end the process.
func TestAheadSurvivesPanic(t *testing.T) {
	key := ageHome(t)
	f := inspect(t, "x.yaml", recipe{format: sops.YAML, keys: []keys.MasterKey{key}}.encrypt(t, plainYAML))
	f.DecryptAheadWith(key.Recipient, panicking{})
	if _, err := f.Decrypt(context.Background()); err == nil || strings.Contains(err.Error(), "sentinel") {
		t.Errorf("got %v", err)
	}
}
