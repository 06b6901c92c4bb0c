// Compose-secure runs Docker Compose and Swarm projects without leaving their
// secrets where docker inspect, the process list or a disk shows them.
package main

import (
	"os"

	"github.com/compose-secure/compose-secure/command"
)

func main() {
	os.Exit(command.Main(os.Args, command.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
	}))
}
