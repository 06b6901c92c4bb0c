package lint

import "strings"

// lines is what is left for a file that is no YAML, such as a template: lines
// of NAME: value and - NAME=value.
func (p *pass) lines() {
	for _, r := range p.linter.rules {
		if r.ID == idEnvironment {
			p.rule = &r
		}
	}
	if p.rule == nil {
		return
	}
	data := string(p.src.data)
	for n := range p.src.Lines() {
		start, line := p.src.LineStart(n+1), p.src.LineText(n+1)
		key, from, to, ok := setting(line)
		if !ok || strings.Contains(data[start+from:start+to], "{{") {
			continue
		}
		for _, l := range inspect(p.linter.policy, key, line[from:to]) {
			p.hide(byteRange{start + from, p.src.LineEnd(start)}) // where a value ends is not certain
			p.literalAt(byteRange{start + from + l.start, start + from + l.end}, l, Finding{
				Key: key, Message: key + " holds a plaintext secret", Hint: "make the file valid YAML, then compose-secure migrate can move it",
				Fix: Fix{ByHand, "the file is not valid YAML"},
			})
		}
	}
}
