package compose

import (
	"bytes"
	"os"

	"github.com/compose-spec/compose-go/v2/loader"
)

// plainName is a top-level name that needs no YAML parser to be read.
var plainName = pattern(`(?m)^name:[ \t]+([a-z0-9][a-z0-9_-]*)[ \t]*\r?$`)

// quickName reads the project's name out of compose files that are written the
// usual way, and gives "" for anything else, which compose-go then parses: it
// parses every file twice for the name alone, a tenth of the time to load a large project. The
// last file with a name wins, as in compose-go.
func quickName(files []string) string {
	name := ""
	for _, file := range files {
		data, err := readFile(file)
		if err != nil || bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			return ""
		}
		found := plainName().FindAllSubmatch(data, 2)
		if bytes.Count(data, []byte("\nname"))+boolInt(bytes.HasPrefix(data, []byte("name"))) != len(found) || bytes.Contains(data, []byte("\n---")) {
			return ""
		}
		switch len(found) {
		case 0:
		case 1:
			name = string(found[0][1])
		default:
			return ""
		}
	}
	if loader.NormalizeProjectName(name) != name {
		return ""
	}
	return name
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// totalSize is the size of files in bytes, those that cannot be read left out.
func totalSize(files []string) int64 {
	var size int64
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	return size
}
