package lint

import "strings"

// fed finds a password that one command prints and the next one reads, as in
// echo user:password | chpasswd.
func (c *commandInspector) fed(printed, reader []shellWord) {
	printer, args := program(printed)
	if printer != "echo" && printer != "printf" && printer != "yes" {
		return
	}
	name, options := program(reader)
	find := c.printed
	switch {
	case name == "chpasswd":
		find = c.account
	case name == "debconf-set-selections":
		find = c.preseed
	case name != "passwd" && name != "vncpasswd" && name != "smbpasswd" && !readsPassword(options):
		return
	}
	for i := range args {
		if w := &args[i]; !strings.HasPrefix(w.text, "-") {
			find(w)
		}
	}
}

// readsPassword reports whether a program is told to take a password from its
// standard input.
func readsPassword(options []shellWord) bool {
	for i := range options {
		if options[i].text == "--password-stdin" || options[i].text == "--passphrase-fd" {
			return true
		}
	}
	return false
}

// printed takes a word as a password, which may be there twice: p\np.
func (c *commandInspector) printed(w *shellWord) {
	end := len(w.text)
	if i := strings.IndexAny(w.text, "\\\n"); i > 0 {
		end = i
	}
	if c.isPassword(w.text[:end]) && w.text[0] != '%' { // a format of printf
		c.add(w, 0, end, "passwd")
	}
}

// account finds the password of user:password, the user of which may come from elsewhere.
func (c *commandInspector) account(w *shellWord) {
	colon := strings.IndexByte(w.text, ':')
	end := len(w.text)
	if i := strings.IndexAny(w.text, "\\\n"); i > colon {
		end = i
	}
	if colon > 0 && c.isPassword(w.text[colon+1:end]) && w.text[colon+1] != '%' { // a format of printf
		c.add(w, colon+1, end, "chpasswd")
	}
}

// preseed finds the answer to a question of debconf whose type is password.
func (c *commandInspector) preseed(w *shellWord) {
	const mark = " password "
	i := strings.LastIndex(w.text, mark)
	if i < 0 {
		return
	}
	if start := i + len(mark); c.isPassword(w.text[start:]) && !strings.Contains(w.text[start:], " ") {
		c.add(w, start, len(w.text), "debconf")
	}
}
