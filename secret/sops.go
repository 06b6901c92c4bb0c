package secret

import (
	"bytes"
	"regexp"
	"sync"
)

// SOPSMark starts every value that SOPS encrypts. The MAC is always encrypted, so that a file without
// the mark is no SOPS file.
const SOPSMark = "ENC[AES256_GCM,"

// SOPSMetadata reports in which formats the lines of a file hold the metadata of SOPS. JSON has it on no line of its own.
func SOPSMetadata(data []byte) (dotenv, ini, yaml bool) {
	return hasLine(data, "sops_mac=") || hasLine(data, "sops_version="), hasLine(data, "[sops]"),
		hasLine(data, "sops:") || hasLine(data, `"sops":`) || hasLine(data, "'sops':")
}

func hasLine(data []byte, start string) bool {
	return bytes.HasPrefix(data, []byte(start)) || bytes.Contains(data, []byte("\n"+start))
}

// jsonMetadata is the key of the metadata in JSON, or in a mapping of YAML that is written like it.
var jsonMetadata = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`["']?sops["']?\s*:\s*\{`) })

// IsSOPS reports whether SOPS has written a file, by the metadata in it. A text that mentions SOPS is none.
func IsSOPS(data []byte) bool {
	if !bytes.Contains(data, []byte(SOPSMark)) {
		return false
	}
	dotenv, ini, yaml := SOPSMetadata(data)
	return dotenv || ini || yaml || bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) && jsonMetadata().Match(data)
}
