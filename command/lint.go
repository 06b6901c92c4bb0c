package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/lint"
	"github.com/compose-secure/compose-secure/migrate"
	"github.com/compose-secure/compose-secure/safefile"
)

type lintOptions struct {
	format, severity, config, baseline, explain string
	update                                      bool
	known                                       lint.BaselineFile // by flag or configuration
	rules, exclude                              cli.StringSlice
	paths                                       []string
}

func newLint(s *session) *cli.Command {
	var o lintOptions
	return interspersed(&cli.Command{
		Name: "lint", Usage: "find plaintext secrets in compose files, env files and Dockerfiles",
		ArgsUsage: "[PATH...]",
		Description: `Takes files, directories and - for standard input; without a path, the current
   directory. Follows what the files name. Asks no engine and no network.
   Exit code 1 if there is a finding, 3 if a file cannot be checked or there is none.

   Example:
     compose-secure lint --format github
     compose-secure lint --baseline .compose-secure-baseline.json --update-baseline
     compose-secure lint --explain CS001`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "text", Usage: strings.Join(lint.Formats(), ", "), Destination: &o.format},
			&cli.StringFlag{Name: "severity", Usage: "least severity that counts: info, warning or error (default: warning)", Destination: &o.severity},
			&cli.StringSliceFlag{Name: "rule", Usage: "run only `RULE`, of any severity; may be repeated", Destination: &o.rules},
			&cli.StringSliceFlag{Name: "exclude", Usage: "leave out a `RULE` or the files of a glob; may be repeated", Destination: &o.exclude},
			&cli.StringFlag{Name: "config", Usage: "configuration `FILE` (default: " + lint.ConfigName + ")", Destination: &o.config},
			&cli.StringFlag{Name: "baseline", Usage: "`FILE` of known findings; only new ones count", Destination: &o.baseline},
			&cli.BoolFlag{Name: "update-baseline", Usage: "write the baseline instead of reporting", Destination: &o.update},
			&cli.StringFlag{Name: "explain", Usage: "print the page of `RULE`, or \"all\" to list the rules", Destination: &o.explain},
		},
	}, func(c *cli.Context, paths []string) error {
		o.paths = paths
		return runLint(c.Context, s, &o)
	})
}

func runLint(ctx context.Context, s *session, o *lintOptions) error {
	if o.explain != "" {
		return explainRule(s.Env, o.explain)
	}
	if !slices.Contains(lint.Formats(), o.format) {
		return usagef("--format is %s, not %q", strings.Join(lint.Formats(), ", "), o.format)
	}
	dir, err := s.workingDir()
	if err != nil {
		return err
	}
	lo, err := o.lint(dir)
	if err != nil {
		return err
	}
	lo.Stdin = s.Stdin
	s.expectFiles(math.MaxInt64) // how much there is to read is not known yet
	paths := o.paths
	if len(paths) == 0 {
		paths = s.composeFiles()
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	lo.Project = s.lintProject(dir, paths)
	paths = append(slices.Clone(paths), s.global.envFiles.Value()...)
	if o.update {
		return updateBaseline(ctx, s, o, lo, paths)
	}
	report, err := deliver.Await(ctx, func() (*lint.Report, error) { return lint.Run(ctx, lo, paths) })
	if err != nil {
		return err
	}
	if o.format != "text" || report.NothingChecked == "" {
		out, colour := s.Stdout, o.format == "text" && s.Getenv("NO_COLOR") == "" && isTerminal(s.direct.Stdout)
		if colour {
			out = s.direct.Stdout // package lint escapes every text itself
		}
		if err := lint.Write(out, report, o.format, version(), colour); err != nil {
			return err
		}
	}
	if err := s.complete(report); err != nil {
		return err
	}
	if report.Summary.Findings > 0 {
		return exitError(exitFindings)
	}
	return nil
}

// complete says what could not be checked, and fails when that was asked for,
// whatever was found elsewhere.
func (s *session) complete(r *lint.Report) error {
	if r.NothingChecked != "" {
		return errors.New(r.NothingChecked)
	}
	for _, n := range r.Notes {
		s.log.Warn(n.String())
	}
	for _, p := range r.Problems {
		s.log.Error(p)
	}
	if len(r.Problems) > 0 {
		return exitError(exitFailed)
	}
	return nil
}

// lint turns flags and configuration file into the options of package lint.
// A flag wins over the file.
func (o *lintOptions) lint(dir string) (lint.Options, error) {
	lo := lint.Options{Dir: dir, Severity: lint.Warning, Plan: migrate.Outcomes, Rules: o.rules.Value(), Exclude: o.exclude.Value()}
	if len(lo.Rules) == 0 {
		lo.Rules = nil
	}
	for _, id := range lo.Rules {
		if _, ok := lint.RuleByID(id); !ok {
			return lo, usagef("there is no rule %q; compose-secure lint --explain all lists them", id)
		}
	}
	name := o.config
	if name == "" {
		name = lint.ConfigName
	}
	data, err := safefile.Read(absolute(dir, name))
	switch {
	case err == nil:
		if lo.Config, err = lint.ParseConfig(name, data); err != nil {
			return lo, usagef("%v", err)
		}
	case o.config != "" || !errors.Is(err, os.ErrNotExist):
		return lo, fmt.Errorf("read the configuration: %w", err)
	}
	if o.severity == "" {
		o.severity = lo.Config.Severity
	}
	if o.severity != "" {
		if lo.Severity, err = lint.ParseSeverity(o.severity); err != nil {
			return lo, usagef("--%v", err)
		}
	}
	o.known = lint.BaselineFile{Dir: dir, Name: o.baseline}
	if o.baseline == "" {
		o.known = lint.BaselineFile{Dir: dir, Name: lo.Config.Baseline, Config: name}
	}
	if o.known.Name == "" || o.update {
		return lo, nil
	}
	data, err = o.known.Read()
	if err != nil {
		return lo, err
	}
	if lo.Baseline, err = lint.ParseBaseline(data); err != nil {
		return lo, fmt.Errorf("%s: %w", o.known.Name, err)
	}
	return lo, nil
}

// updateBaseline writes the findings of a run. Only a baseline is replaced, and only by a
// run that began after it was written.
func updateBaseline(ctx context.Context, s *session, o *lintOptions, lo lint.Options, paths []string) error {
	if o.known.Name == "" {
		return usagef("--update-baseline needs --baseline FILE")
	}
	old, err := o.known.Replaceable()
	if err != nil {
		return err
	}
	report, err := deliver.Await(ctx, func() (*lint.Report, error) { return lint.Run(ctx, lo, paths) })
	if err != nil {
		return err
	}
	if report.NothingChecked != "" {
		return errors.New(report.NothingChecked)
	}
	var b bytes.Buffer
	if err := lint.NewBaseline(report.Findings).Write(&b); err != nil {
		return err
	}
	if err := o.known.Replace(ctx, old, b.Bytes()); err != nil {
		return fmt.Errorf("write the baseline: %w", err)
	}
	if _, err := fmt.Fprintf(s.Stderr, "%s holds %d findings\n", o.known.Name, report.Summary.Findings); err != nil {
		return err
	}
	return s.complete(report)
}

func explainRule(env Env, id string) error {
	if id == "all" {
		id = ""
	}
	text, err := lint.Explain(id)
	if err != nil {
		return usagef("%v", err)
	}
	_, err = fmt.Fprint(env.Stdout, text)
	return err
}

// isTerminal reports whether w is a character device, which is what colour is
// for.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
