package sops

import "bytes"

// maxDepth bounds how deep mappings and lists of a file may nest: the work on a file
// grows with the square of it.
const maxDepth = 100

// jsonDepth is how deep valid JSON nests.
func jsonDepth(data []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// mayNestDeeper tells, without parsing, whether YAML may nest deeper than maxDepth: each level takes a bracket,
// a dash, a question mark or, where a list stands below its key, half a column.
func mayNestDeeper(data []byte) bool {
	widest := 0
	for line := range bytes.FieldsFuncSeq(data, isBreak) {
		indent := len(line) - len(bytes.TrimLeft(line, " "))
		widest = max(widest, indent+1+count(line, "- ", "-\t", "? ", "?\t")) // 1: a dash at the end
	}
	flow := count(data, "{", "[") - count(data, cipherMark)
	return 2*widest+2+flow > maxDepth
}

// isBreak knows the line breaks of YAML 1.1.
func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

func count(data []byte, parts ...string) int {
	n := 0
	for _, part := range parts {
		n += bytes.Count(data, []byte(part))
	}
	return n
}
