package sops

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"

	"github.com/compose-secure/compose-secure/secret"
)

// Format is one of the file formats of SOPS.
type Format string

// The formats of SOPS, named as `sops --input-type` names them.
const (
	YAML   Format = "yaml"
	JSON   Format = "json"
	Dotenv Format = "dotenv"
	INI    Format = "ini"
	Binary Format = "binary"
)

// detectFormat tells the format of a SOPS file from the metadata in it; the
// name decides only where the content leaves a choice, because an encrypted
// file is often renamed (secrets.env.enc). It reports false when there is no
// metadata. JSON is told from Binary later, when the file is parsed.
func detectFormat(path string, data []byte) (Format, bool) {
	named := formatOfName(path)
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		if named == YAML {
			return YAML, true
		}
		return JSON, true
	}
	var found []Format
	isDotenv, isINI, isYAML := secret.SOPSMetadata(data)
	if isDotenv {
		found = append(found, Dotenv)
	}
	if isINI {
		found = append(found, INI)
	}
	if isYAML {
		found = append(found, YAML)
	}
	for _, f := range found {
		if f == named {
			return f, true
		}
	}
	if len(found) == 0 {
		return "", false
	}
	return found[0], true
}

func formatOfName(path string) Format {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		return YAML
	case ".json":
		return JSON
	case ".env":
		return Dotenv
	case ".ini":
		return INI
	}
	return ""
}

func hasLine(data []byte, start string) bool {
	return bytes.HasPrefix(data, []byte(start)) || bytes.Contains(data, []byte("\n"+start))
}

// store gives the library's reader and writer of the format.
func (f Format) store(c *config.StoresConfig) sops.Store {
	switch f {
	case YAML:
		return yaml.NewStore(&c.YAML)
	case JSON:
		return json.NewStore(&c.JSON)
	case Dotenv:
		return dotenv.NewStore(&c.Dotenv)
	case INI:
		return ini.NewStore(&c.INI)
	default:
		return json.NewBinaryStore(&c.JSONBinary)
	}
}

// unixLines undoes a conversion of the whole file to CRLF, as git makes it,
// for dotenv: the library takes the CR there as part of every value, also of
// the metadata. Line ends inside a value are escaped and not touched.
func unixLines(data []byte) []byte {
	for line := range bytes.Lines(data) {
		if bytes.HasPrefix(line, []byte("sops_")) {
			if !bytes.HasSuffix(line, []byte("\r\n")) {
				return data
			}
			return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		}
	}
	return data
}
