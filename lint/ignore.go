package lint

import (
	"bytes"
	"strings"
)

// ignore is a comment that switches rules off for one line:
//
//	# compose-secure: ignore CS001,CS005 why
//
// behind the value, or on a line of its own above it.
type ignore struct {
	line  int
	rules []string
}

const ignoreMark = "compose-secure: ignore "

func findIgnores(s *source) []ignore {
	if !bytes.Contains(s.data, []byte(ignoreMark)) {
		return nil
	}
	var list []ignore
	for n := range s.Lines() {
		text := s.LineText(n + 1)
		before, after, ok := strings.Cut(text, ignoreMark)
		hash := strings.LastIndexByte(before, '#')
		if !ok || hash < 0 || strings.TrimSpace(before[hash+1:]) != "" {
			continue
		}
		i := ignore{line: n + 1}
		if strings.TrimSpace(before[:hash]) == "" {
			i.line++
		}
		for _, w := range strings.FieldsFunc(after, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			if !isRuleID(w) {
				break
			}
			i.rules = append(i.rules, w)
		}
		list = append(list, i)
	}
	return list
}

func isRuleID(s string) bool {
	return len(s) == 5 && s[:2] == "CS" && strings.Trim(s[2:], "0123456789") == ""
}

func (s *source) ignored(rule string, line int) bool {
	for _, i := range s.ignores {
		if i.line != line {
			continue
		}
		for _, r := range i.rules {
			if r == rule {
				return true
			}
		}
	}
	return false
}
