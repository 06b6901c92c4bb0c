package sops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/compose-secure/compose-secure/safefile"
)

// maxAtOnce bounds how many files are open, and data keys asked for, at the
// same time.
const maxAtOnce = 16

// Cache opens each file at most once and decrypts it at most once, whoever
// asks for it: --env-file, env_file, secrets: file: and ref+sops://.
type Cache struct {
	base       string
	ahead      bool
	slots      chan struct{} // taken by what is decrypted ahead
	identities identities
	prompt     sync.Mutex // one passphrase prompt at a time over all files
	mu         sync.Mutex
	opened     map[string]*opening
}

type opening struct {
	once sync.Once
	file *File
	err  error
}

// NewCache returns an empty cache; relative paths start at baseDir.
func NewCache(baseDir string) *Cache {
	return &Cache{base: baseDir, slots: make(chan struct{}, maxAtOnce), opened: map[string]*opening{}}
}

// Open reads and inspects the file at path, relative to the base directory. It
// returns (nil, nil) for a file that is not a SOPS file, and for everything
// that is not a regular file (a pipe can be read only once, by whoever needs
// it). A missing file is an error that wraps fs.ErrNotExist.
func (c *Cache) Open(path string) (*File, error) {
	return c.get(path, readRegular)
}

// Add is Open for a file that the caller has read already.
func (c *Cache) Add(path string, data []byte) (*File, error) {
	return c.get(path, func(string, string) ([]byte, error) { return data, nil })
}

func (c *Cache) get(path string, read func(path, abs string) ([]byte, error)) (*File, error) {
	abs := path
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(c.base, path)
	}
	abs = filepath.Clean(abs)
	c.mu.Lock()
	o := c.opened[abs]
	if o == nil {
		o = &opening{}
		c.opened[abs] = o
	}
	c.mu.Unlock()
	o.once.Do(func() {
		var data []byte
		if data, o.err = read(path, abs); data != nil && o.err == nil {
			o.file, o.err = c.inspect(path, data)
		}
	})
	return o.file, o.err
}

func (c *Cache) inspect(path string, data []byte) (*File, error) {
	f, err := Inspect(path, data)
	if f != nil {
		f.identities, f.prompt = &c.identities, &c.prompt
		if c.ahead {
			go func() {
				c.slots <- struct{}{}
				defer func() { <-c.slots }()
				f.decryptAhead()
			}()
		}
	}
	return f, err
}

// Ahead makes the cache decrypt each file that an age identity at hand opens as soon as it is read,
// beside whatever the caller does meanwhile. Nobody is asked for it and no network
// reached, and what goes wrong is told when somebody wants a value. Call it first.
func (c *Cache) Ahead() { c.ahead = true }

// readRegular returns nil for what is not a regular file.
func readRegular(path, abs string) ([]byte, error) {
	data, err := safefile.Read(abs)
	switch {
	case errors.Is(err, safefile.ErrNotRegular):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("open %q: %w", path, cause(err))
	}
	return data, nil
}

// cause takes the operation and path off err, which the caller names itself.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// DecryptAll decrypts files concurrently, each once. It returns all errors,
// joined in the order of files.
func (c *Cache) DecryptAll(ctx context.Context, files ...*File) error {
	errs := make([]error, len(files))
	atOnce(len(files), func(i int) { _, errs[i] = files[i].Decrypt(ctx) })
	return errors.Join(errs...)
}

// atOnce calls do for 0 to n-1 concurrently and waits for all.
func atOnce(n int, do func(i int)) {
	slots := make(chan struct{}, maxAtOnce)
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}
