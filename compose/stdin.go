package compose

import (
	"fmt"
	"io"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

// bufferStdin keeps "-f -" readable twice: its content goes to an unlinked
// file, since only a path can be given to compose-go.
func (p *Project) bufferStdin(po *cli.ProjectOptions, stdin io.Reader) error {
	for i, path := range po.ConfigPaths {
		if path != "-" {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(stdin, maxFile+1))
		if err != nil {
			return fmt.Errorf("read the compose file from standard input: %w", err)
		}
		if len(data) > maxFile {
			return reportf("%s: larger than %d bytes", stdinName, maxFile)
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
