//go:build e2e

package e2e

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sentinel is a value that is looked for in every form in which it could be
// found or guessed: as it is, in base64 and hex, and in fast hashes.
type sentinel struct {
	value string
	forms map[string][]byte
}

func newSentinel() sentinel {
	s := sentinel{value: randomWord()}
	v := []byte(s.value)
	s.forms = map[string][]byte{"plain": v, "hex": []byte(hex.EncodeToString(v))}
	for shift := range 3 { // base64 of a text around it: the three ways it can be aligned
		text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), v...))
		s.forms[fmt.Sprintf("base64+%d", shift)] = []byte(text[4 : len(text)-4])
	}
	hashes := map[string][]byte{}
	a, b, c, d := md5.Sum(v), sha1.Sum(v), sha256.Sum256(v), sha512.Sum512(v)
	hashes["md5"], hashes["sha1"], hashes["sha256"], hashes["sha512"] = a[:], b[:], c[:], d[:]
	for name, sum := range hashes {
		s.forms[name] = []byte(hex.EncodeToString(sum))
		s.forms[name+" base64"] = []byte(base64.RawStdEncoding.EncodeToString(sum))
	}
	return s
}

// in returns the form in which text holds the sentinel, or "".
func (s sentinel) in(text []byte) string {
	for name, form := range s.forms {
		if bytes.Contains(text, form) {
			return name
		}
	}
	return ""
}

// longest is the length of the longest form.
func (s sentinel) longest() int {
	n := 0
	for _, form := range s.forms {
		n = max(n, len(form))
	}
	return n
}

// --- files --------------------------------------------------------------------

// notDisk are the filesystems that the search leaves out: those in RAM, those
// without files of their own, and FUSE, which shows layers whose files are on
// the disk that is searched. Numbers of statfs(2).
var notDisk = []uint32{
	0x01021994, 0x858458f6, // tmpfs and devtmpfs, ramfs
	0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x6e736673, 0x19800202, // proc, sysfs, cgroup, cgroup2, devpts, nsfs, mqueue
	0x64626720, 0x74726163, 0x73636673, 0xcafe4a11, 0x958458f6, // debugfs, tracefs, securityfs, bpf, hugetlbfs
	0x65735546, // fuse
}

func isDisk(path string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(path, &st) == nil && !slices.Contains(notDisk, uint32(st.Type))
}

// onDisk returns the files outside RAM whose content or meta data changed since
// and that hold the sentinel, with its form.
func (s sentinel) onDisk(t *testing.T, since time.Time) []string {
	t.Helper()
	var found []string
	device := map[string]uint64{}
	err := filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		if err != nil { // it went away while the search ran, or nobody may look
			return nil //nolint:nilerr // see above
		}
		if d.IsDir() {
			info, err := d.Info()
			if err != nil {
				return nil //nolint:nilerr // it went away
			}
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				device[path] = st.Dev
				if path != "/" && st.Dev == device[filepath.Dir(path)] {
					return nil
				}
			}
			if !isDisk(path) {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && changedSince(d, since) {
			if form := s.inFile(path); form != "" {
				found = append(found, path+" ("+form+")")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// changedSince looks at the time of the last change of any kind, which no
// program can set back.
func changedSince(d fs.DirEntry, since time.Time) bool {
	info, err := d.Info()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || !time.Unix(st.Ctim.Unix()).Before(since)
}

func (s sentinel) inFile(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const block = 1 << 20
	keep := s.longest()
	buf := make([]byte, 0, block+keep)
	for {
		n, err := io.ReadFull(f, buf[len(buf):len(buf)+block])
		buf = buf[:len(buf)+n]
		if form := s.in(buf); form != "" {
			return form
		}
		if err != nil {
			return ""
		}
		buf = append(buf[:0], buf[len(buf)-keep:]...)
	}
}

// --- processes ----------------------------------------------------------------

// watcher looks again and again at the arguments and the environment of every
// process outside containers.
type watcher struct {
	stop chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	seen map[string]bool
	// rounds tells whether it looked at all.
	rounds int
}

// watch starts a watcher for s.
func (s sentinel) watch() *watcher {
	w := &watcher{stop: make(chan struct{}), seen: map[string]bool{}}
	w.done.Go(func() {
		for {
			for _, name := range s.inProcesses() {
				w.mu.Lock()
				w.seen[name] = true
				w.mu.Unlock()
			}
			w.rounds++
			select {
			case <-w.stop:
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	})
	return w
}

// end stops the watcher and returns what it saw, sorted.
func (w *watcher) end(t *testing.T) []string {
	t.Helper()
	close(w.stop)
	w.done.Wait()
	if w.rounds < 2 {
		t.Error("the watcher of processes saw next to nothing")
	}
	var names []string
	for name := range w.seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// inProcesses names the programs outside containers that show the sentinel.
func (s sentinel) inProcesses() []string {
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return []string{err.Error()}
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	var found []string
	for _, dir := range dirs {
		program, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil {
			continue // gone, or a thread of the kernel
		}
		for _, part := range []string{"cmdline", "environ"} {
			data, err := os.ReadFile(filepath.Join(dir, part))
			if err != nil || s.in(data) == "" {
				continue
			}
			if ns, err := os.Readlink(filepath.Join(dir, "ns/pid")); err != nil && !errors.Is(err, os.ErrPermission) || ns != own {
				continue // gone, or in a container
			}
			found = append(found, part+" of "+strings.TrimSuffix(filepath.Base(program), " (deleted)"))
		}
	}
	return found
}
