package compose

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"

	"github.com/compose-secure/compose-secure/safefile"
)

// bufferStdin keeps "-f -" readable twice: its content goes to an unlinked
// file, since only a path can be given to compose-go.
func (p *Project) bufferStdin(po *cli.ProjectOptions, stdin io.Reader) error {
	for i, path := range po.ConfigPaths {
		if path != "-" {
			continue
		}
		data, err := safefile.ReadAll(stdin, safefile.MaxSize)
		if errors.Is(err, safefile.ErrTooLarge) {
			return fileError(stdinName, err)
		}
		if err != nil {
			return fmt.Errorf("read the compose file from standard input: %w", err)
		}
		memory, err := memoryFile("compose.yaml", data)
		if err != nil {
			return err
		}
		if po.WorkingDir == "" {
			if po.WorkingDir, err = os.Getwd(); err != nil {
				return err
			}
		}
		po.ConfigPaths[i] = memory
	}
	return nil
}
