package deliver

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/dockercli"
)

// cache is a small table of facts that are found out again when it is lost. None is a secret.
type cache struct {
	path    string
	mu      sync.Mutex
	facts   map[string]string
	changed bool
}

// maxFacts bounds a cache; past it, it starts anew.
const maxFacts = 500

func (e *Env) openCache(name string) *cache {
	c := &cache{facts: map[string]string{}}
	if dir := dockercli.CacheDir(e.Getenv); dir != "" {
		c.path = filepath.Join(dir, name)
		if data, err := os.ReadFile(c.path); err != nil || json.Unmarshal(data, &c.facts) != nil || len(c.facts) > maxFacts {
			c.facts = map[string]string{}
		}
	}
	return c
}

func (c *cache) get(key string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fact, ok := c.facts[key]
	return fact, ok
}

func (c *cache) add(key, fact string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts[key], c.changed = fact, true
}

// save writes the cache; without it the next start is slower, no more.
func (c *cache) save() {
	if !c.changed || c.path == "" {
		return
	}
	data, err := json.Marshal(c.facts)
	if err != nil || os.MkdirAll(filepath.Dir(c.path), 0o700) != nil {
		return
	}
	temp := fmt.Sprintf("%s.%d", c.path, os.Getpid())
	if os.WriteFile(temp, data, 0o600) == nil && os.Rename(temp, c.path) != nil {
		_ = os.Remove(temp)
	}
}

// factsFile tells, by image id, the shell of an image and what its entrypoint reads from files. An id is the hash of
// the content, so what is known of one stays true; the number is that of how entrypoints are read.
const factsFile = "image-facts-1.json"

// checked remembers, in a cache, which compose files are valid as long as nobody changes them.
type checked struct{ env *Env }

var _ compose.Checked = checked{}

const checkedFile = "valid-files.json"

// Has implements compose.Checked.
func (c checked) Has(files []string) bool {
	mark, ok := stamp(files)
	known, found := c.env.openCache(checkedFile).get(strings.Join(files, "\n"))
	return ok && found && known == mark
}

// Add implements compose.Checked.
func (c checked) Add(files []string) {
	if mark, ok := stamp(files); ok {
		cache := c.env.openCache(checkedFile)
		cache.add(strings.Join(files, "\n"), mark)
		cache.save()
	}
}

// stamp changes when one of the files does, or this program.
func stamp(files []string) (string, bool) {
	var b strings.Builder
	for _, file := range append([]string{"/proc/self/exe"}, files...) {
		info, err := os.Stat(file)
		if err != nil {
			return "", false
		}
		fmt.Fprintf(&b, "%d %d %s;", info.Size(), info.ModTime().UnixNano(), inode(info))
	}
	return b.String(), true
}
