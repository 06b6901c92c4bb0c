package visible

import (
	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/lint"
)

// InText reports whether a text, such as the content of a config, holds a literal secret.
func InText(p *compose.Project, text string) bool { return len(lint.InText(p.Detect, text)) > 0 }
