package transform

import (
	"fmt"
	"slices"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/secret"
)

// imageReader decides how an image gets one variable.
type imageReader struct {
	name    string        // as the compose file has it
	image   *secret.Image // its row of the catalogue, nil when unknown
	known   bool          // image is set and reads files
	policy  compose.ServicePolicy
	unknown Unknown
	// program is what the service runs: what the image's own entrypoint does
	// with files does not happen for every one.
	program secret.Program
	found   bool // image is what the image's entrypoint was found to read
}

// ReadInEntrypoint is the note of a move that follows from the text of an image's entrypoint.
const ReadInEntrypoint = "read in the image's entrypoint"

// look takes what the entrypoint of an image that the catalogue does not know reads.
func (r *imageReader) look(facts Image) {
	image, err := secret.ParseRow(facts.Reads)
	if err != nil {
		return // the record of another version; the image is wrapped
	}
	r.image, r.known, r.found = image, true, true
	r.program = r.program.Of(facts.Cmd)
}

// delivery is the contract's table: file where the image is known to read one
// or the user says so, wrap for everything else.
func (r imageReader) delivery(variable string) (Delivery, secret.FileForm, error) {
	suffixed := secret.FileForm{Variable: variable + "_FILE", ValueFormat: "%s"}
	if slices.Contains(r.policy.File, variable) {
		if r.known {
			if form, ok := r.image.File(variable); ok {
				return File, form, nil
			}
		}
		return File, suffixed, nil
	}
	if form, ok := r.image.FileFor(variable, r.program); ok {
		return File, form, nil
	}
	if r.image != nil || r.unknown == UnknownWrap {
		return Wrap, secret.FileForm{}, nil
	}
	if r.unknown == UnknownFile {
		return File, suffixed, nil
	}
	name := fmt.Sprintf("image %q", r.name)
	if r.name == "" {
		name = "the image built here"
	}
	return "", secret.FileForm{}, fmt.Errorf("%s is not in the catalogue, so nothing says how it reads %s; "+
		"add %s to %s.file if it reads %s_FILE, to %s.env to leave it in the environment, or use --unknown-images=wrap",
		name, variable, variable, compose.Extension, variable, compose.Extension)
}

// owner is what the image insists on, or readable by everyone in the container.
func (r imageReader) owner() fileOwner {
	if r.known && r.image.Owner != nil {
		return fileOwner{uid: r.image.Owner.UID, gid: r.image.Owner.GID, mode: r.image.Owner.Mode}
	}
	return fileOwner{mode: 0o444}
}

// note is what the user should know about the way the image reads a file.
func (r imageReader) note() string {
	if !r.known {
		return ""
	}
	if r.found {
		return ReadInEntrypoint
	}
	switch r.image.Newline {
	case secret.NewlineAllRemoved:
		return "the image removes every newline of the value"
	case secret.NewlineFirstLine:
		return "the image reads the first line only"
	}
	return ""
}
