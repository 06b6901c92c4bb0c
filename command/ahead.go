package command

import (
	"os"
	"runtime"
	"slices"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/tmpfs"
)

// ahead is a docker compose that starts while the project loads, since its start
// takes half of its time when there is nothing to change. How it will be called is a guess,
// which is checked before it goes on: a wrong one costs time, no more.
type ahead struct {
	s      *session
	docker *compose.Docker
	call   call
	held   *compose.Held
	run    compose.Run // how it was started
}

func (s *session) runAhead(docker *compose.Docker, call call) *ahead {
	return &ahead{s: s, docker: docker, call: call}
}

// start guesses from what is known of the project. Nothing starts when the environment might
// hold a secret of the project that is known as one only when the files are parsed.
func (a *ahead) start(k compose.Known) {
	path, err := tmpfs.ModelPath(a.s.storeOptions(), k.Name, a.call.attached)
	if _, isFile := a.s.Stdin.(*os.File); runtime.GOOS != "linux" || !isFile || err != nil || a.call.name == "run" {
		return
	}
	sure, secrets := true, []string{}
	for _, name := range k.SecretNames {
		secrets = append(secrets, a.s.Getenv(name))
		sure = sure && !isCredential(name)
	}
	env := a.s.environment(k.DotEnv, func(name, value string) bool {
		if slices.Contains(k.SecretNames, name) {
			return true
		}
		sure = sure && (isEssential(name) || !k.Uses(name, value) && !holdsAny(secrets, value))
		return false
	})
	if !sure {
		return
	}
	a.run = compose.Run{
		Args: a.s.composeArgs(k.Name, k.WorkingDir, k.Profiles, a.call), Env: env, ModelPath: path,
		Stdin: a.s.Stdin, Stdout: a.s.direct.Stdout, Stderr: a.s.direct.Stderr, Signals: a.s.signals,
	}
	if a.held, err = a.docker.Hold(a.run); err != nil {
		a.s.log.debugf("docker compose could not be started early: %v", err)
		return
	}
	a.s.log.debugf("started docker compose early")
}

// exec runs docker compose, the held one if it is the right one.
func (a *ahead) exec(r compose.Run) (int, error) {
	if a.held != nil && a.run.Same(r) {
		held := a.held
		a.held = nil
		return held.Go()
	}
	if a.held != nil {
		a.s.log.debugf("docker compose starts again, in another way than guessed")
	}
	a.drop()
	return a.docker.Exec(r)
}

// drop ends what is held.
func (a *ahead) drop() {
	if a.held != nil {
		a.held.Drop()
		a.held = nil
	}
}
