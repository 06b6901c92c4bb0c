package command

import (
	"io"

	"github.com/sirupsen/logrus"
)

// showLibraryWarnings lets the warnings that compose-go gives through its own
// logger (a variable that is not set, an obsolete key) look like all others.
func (s *session) showLibraryWarnings() {
	logrus.SetOutput(io.Discard)
	logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	logrus.AddHook(warningHook{s})
}

type warningHook struct{ session *session }

var _ logrus.Hook = warningHook{}

// Levels implements logrus.Hook.
func (warningHook) Levels() []logrus.Level {
	return []logrus.Level{logrus.WarnLevel, logrus.ErrorLevel}
}

// Fire implements logrus.Hook.
func (h warningHook) Fire(entry *logrus.Entry) error {
	h.session.log.Warn(entry.Message)
	return nil
}
