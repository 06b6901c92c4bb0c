package secret

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// RefPrefix starts every reference.
const RefPrefix = "ref+"

// Ref is a parsed reference in the ref+ grammar of helmfile/vals:
//
//	ref+SCHEME://PATH[?PARAMS][#/KEY/PATH]
//
// See https://github.com/helmfile/vals#expression-syntax.
type Ref struct {
	Scheme string     // "sops", "file", "env", ...
	Path   string     // what stands between :// and ? or #; percent-decoded
	Params url.Values // after ?, may be nil
	Key    []string   // the elements of #/a/b, percent-decoded; nil without a fragment
}

// IsRef reports whether s is meant as a reference.
func IsRef(s string) bool { return strings.HasPrefix(s, RefPrefix) }

// ParseRef parses s. The whole of s must be one reference.
// The error names the place that is wrong and never repeats a query value.
func ParseRef(s string) (Ref, error) {
	rest, ok := strings.CutPrefix(s, RefPrefix)
	if !ok {
		return Ref{}, fmt.Errorf("a reference starts with %q", RefPrefix)
	}
	scheme, rest, ok := strings.Cut(rest, "://")
	if !ok || scheme == "" {
		return Ref{}, fmt.Errorf("a reference has the form ref+SCHEME://PATH#/KEY")
	}
	for _, r := range scheme {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return Ref{}, errors.New("the scheme of a reference may hold only a-z, 0-9 and -") // a password may stand in it
		}
	}
	rest, fragment, hasKey := strings.Cut(rest, "#")
	path, query, _ := strings.Cut(rest, "?")
	if hasAddress(scheme, path) {
		return Ref{}, fmt.Errorf("the path of the ref+%s reference looks like an address with a password, and it is that of no server; write %%40 for an @ that is part of a name", scheme)
	}
	r := Ref{Scheme: scheme}
	var err error
	if r.Path, err = url.PathUnescape(path); err != nil {
		return Ref{}, fmt.Errorf("the path of the ref+%s reference has a bad %%-escape", scheme)
	}
	if r.Path == "" {
		return Ref{}, fmt.Errorf("the ref+%s reference has no path", scheme)
	}
	if query != "" {
		if r.Params, err = url.ParseQuery(query); err != nil {
			return Ref{}, fmt.Errorf("the parameters of the ref+%s reference are not of the form ?a=b&c=d", scheme)
		}
		if len(r.Params) == 0 { // "?&" holds none
			r.Params = nil
		}
	}
	if !hasKey {
		return r, nil
	}
	fragment, ok = strings.CutPrefix(fragment, "/")
	if !ok || fragment == "" {
		return Ref{}, fmt.Errorf("the key of the ref+%s reference must have the form #/KEY or #/KEY/KEY", scheme)
	}
	for _, k := range strings.Split(fragment, "/") {
		k, err := url.PathUnescape(k)
		if err != nil || k == "" {
			return Ref{}, fmt.Errorf("the key of the ref+%s reference has an empty or badly escaped element", scheme)
		}
		r.Key = append(r.Key, k)
	}
	return r, nil
}

// String is the reference for people. It names a place: of parameters, which may be a token, only the names, and
// nothing of what stands before the @ of a server.
func (r Ref) String() string {
	names := slices.Sorted(maps.Keys(r.Params))
	for i, name := range names {
		names[i] = url.QueryEscape(name)
	}
	r.Path = withoutUser(r.Scheme, r.Path)
	return r.text(strings.Join(names, "&"))
}

// withoutUser hides the user information of a path that starts with a server. A password may hold a / that nobody
// has escaped, so everything up to the last @ counts. In the path of a file an @ alone is part of a name.
func withoutUser(scheme, path string) string {
	at := strings.LastIndexByte(path, '@')
	if at < 0 || isLocal(scheme) && !hasAddress(scheme, path) {
		return path
	}
	return Redacted + path[at:]
}

// isLocal reports whether the references of a scheme name no server.
func isLocal(scheme string) bool {
	return scheme == "file" || scheme == "sops" || scheme == "env" || scheme == "exec"
}

// hasAddress reports whether the path of a reference that names no server looks like USER:PASSWORD@HOST. Every error
// about a file quotes its path.
func hasAddress(scheme, path string) bool {
	at := strings.LastIndexByte(path, '@')
	return isLocal(scheme) && at >= 0 && strings.Contains(path[:at], ":")
}

// File returns the path of the file that the reference reads, "" for one that reads none.
func (r Ref) File() string {
	if r.Scheme == "file" || r.Scheme == "sops" {
		return r.Path
	}
	return ""
}

// ID is the reference in canonical form, parameters and all: two references have the same ID when they
// mean the same place. It is a key of maps and no text for people.
func (r Ref) ID() string { return r.text(r.Params.Encode()) }

func (r Ref) text(query string) string {
	var b strings.Builder
	b.WriteString(RefPrefix + r.Scheme + "://")
	special := "%?#"
	if hasAddress(r.Scheme, r.Path) {
		special += "@"
	}
	b.WriteString(escape(r.Path, special))
	if query != "" {
		b.WriteString("?" + query)
	}
	if len(r.Key) > 0 {
		b.WriteString("#")
		for _, k := range r.Key {
			b.WriteString("/" + escape(k, "%/#"))
		}
	}
	return b.String()
}

// escape percent-encodes the bytes in special, and control characters, so
// that a reference stays on its line wherever it is printed.
func escape(s, special string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || strings.IndexByte(special, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// RefError says why a reference has no value.
type RefError struct {
	Ref Ref
	Err error
}

func (e *RefError) Error() string { return fmt.Sprintf("resolve %s: %v", e.Ref, e.Err) }
func (e *RefError) Unwrap() error { return e.Err }

// SchemeError says that no source resolves references of a scheme.
type SchemeError struct {
	Scheme string
	Known  []string
}

func (e *SchemeError) Error() string {
	known := make([]string, len(e.Known))
	for i, scheme := range e.Known {
		known[i] = RefPrefix + scheme
	}
	slices.Sort(known)
	return fmt.Sprintf("unknown scheme %q; known are %s", e.Scheme, strings.Join(known, ", "))
}
