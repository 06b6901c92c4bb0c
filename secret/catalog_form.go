package secret

import (
	"fmt"
	"path"
	"strings"
)

// form is the convention of one image.
type form struct {
	kind formKind
	text string // the suffix, the prefix or the value format
}

type formKind string

const (
	formNone   formKind = "none"
	formSuffix formKind = "suffix" // X -> X_FILE
	formPrefix formKind = "prefix" // X -> FILE__X
	formValue  formKind = "value"  // X=value -> X=file:///path
	formRename formKind = "rename" // X -> the name that the row gives
	formFixed  formKind = "fixed"  // no variable, the path that the row gives
)

// variable is one entry of a row: a glob of names and, where the convention
// needs one, what stands after its equals sign.
type variable struct{ glob, target string }

func (v variable) matches(name string) bool {
	ok, _ := path.Match(v.glob, name)
	return ok
}

func parseForm(s string) (form, error) {
	kind, text, _ := strings.Cut(s, ":")
	f := form{kind: formKind(kind), text: text}
	switch f.kind {
	case formNone, formRename, formFixed:
		if text == "" {
			return f, nil
		}
	case formSuffix, formPrefix:
		if text != "" {
			return f, nil
		}
	case formValue:
		if strings.Count(text, "%s") == 1 && strings.Count(text, "%") == 1 {
			return f, nil
		}
	}
	return form{}, fmt.Errorf("%q is no form, use none, rename, fixed, suffix:X, prefix:X or value:X%%s", s)
}

func parseVariable(s string, kind formKind) (variable, error) {
	glob, target, has := strings.Cut(s, "=")
	if _, err := path.Match(glob, ""); err != nil || glob == "" {
		return variable{}, fmt.Errorf("%q is no pattern", glob)
	}
	switch {
	case has != (kind == formRename || kind == formFixed):
		return variable{}, fmt.Errorf("%q: only rename and fixed take NAME=TARGET", s)
	case kind == formFixed && !path.IsAbs(target):
		return variable{}, fmt.Errorf("%q: the target must be an absolute path", s)
	case has && (target == "" || strings.ContainsAny(glob, "*?[")):
		return variable{}, fmt.Errorf("%q: NAME=TARGET takes one name and one target", s)
	}
	return variable{glob: glob, target: target}, nil
}

// isFileForm reports whether name already is what File would rename to, so
// that a pattern such as * does not turn X_FILE into X_FILE_FILE.
func (f form) isFileForm(name string) bool {
	switch f.kind {
	case formSuffix:
		return strings.HasSuffix(name, f.text)
	case formPrefix:
		return strings.HasPrefix(name, f.text)
	}
	return false
}

func (f form) of(name, target string) FileForm {
	switch f.kind {
	case formSuffix:
		return FileForm{Variable: name + f.text, ValueFormat: "%s"}
	case formPrefix:
		return FileForm{Variable: f.text + name, ValueFormat: "%s"}
	case formRename:
		return FileForm{Variable: target, ValueFormat: "%s"}
	case formValue:
		return FileForm{Variable: name, ValueFormat: f.text}
	}
	return FileForm{ValueFormat: "%s", Target: target}
}

func (f form) original(name string, v variable) (string, bool) {
	switch f.kind {
	case formSuffix:
		return strings.CutSuffix(name, f.text)
	case formPrefix:
		return strings.CutPrefix(name, f.text)
	case formRename:
		return v.glob, name == v.target
	}
	return "", false
}
