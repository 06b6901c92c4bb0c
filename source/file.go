package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-secure/compose-secure/safefile"
	"github.com/compose-secure/compose-secure/secret"
)

// File resolves ref+file://PATH, the whole content of a file byte for byte,
// and ref+file://PATH#/a/b, one value of a YAML, JSON or dotenv file.
type File struct{ base string }

var _ Source = (*File)(nil)

// NewFile returns the source; relative paths start at baseDir.
func NewFile(baseDir string) *File { return &File{base: baseDir} }

// Scheme implements Source.
func (*File) Scheme() string { return "file" }

// Resolve implements Source. Each file is read once per call.
func (f *File) Resolve(ctx context.Context, refs []secret.Ref) ([]secret.Value, error) {
	type content struct {
		data []byte
		err  error
	}
	read := map[string]content{}
	return resolveEach(ctx, refs, func(ref secret.Ref) (secret.Value, error) {
		if len(ref.Params) > 0 {
			return secret.Value{}, errors.New("ref+file takes no parameters; remove what follows the ?")
		}
		c, ok := read[ref.Path]
		if !ok {
			c.data, c.err = f.read(ref.Path)
			read[ref.Path] = c
		}
		if c.err != nil {
			return secret.Value{}, c.err
		}
		if len(ref.Key) == 0 {
			return secret.NewValue(append([]byte{}, c.data...)), checkSize(len(c.data))
		}
		v, err := lookup(ref.Path, c.data, ref.Key)
		if err != nil {
			return secret.Value{}, err
		}
		return secret.NewValue([]byte(v)), checkSize(len(v))
	})
}

func (f *File) read(path string) ([]byte, error) {
	abs := path
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(f.base, path)
	}
	data, err := safefile.Read(abs)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", abs, cause(err))
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
