package boot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// The outcomes of an attempt to restore a project that no other attempt mends, or that one may.
var (
	ErrGivenUp = errors.New("not restored") // and the reason is told already
	ErrAgain   = errors.New("not restored yet")
)

// RestoreAll restores the projects of records, or those that are named, all at once. restore is one attempt for one
// project; after ErrAgain it is called again with growing pauses until the time is over, since a source behind a
// network may not answer yet. The error joins those of all projects; it is ErrGivenUp when each has been told.
func RestoreAll(ctx context.Context, records []Record, names []string, timeout time.Duration, warn func(string), restore func(context.Context, Record) error) error {
	var errs []error
	for _, name := range names {
		if !slices.ContainsFunc(records, func(r Record) bool { return r.Project == name }) {
			errs = append(errs, fmt.Errorf("project %q is not recorded as active; run compose-secure up once", name))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	results := make([]error, len(records))
	var group errgroup.Group
	for i, r := range records {
		if len(names) > 0 && !slices.Contains(names, r.Project) {
			continue
		}
		group.Go(func() error {
			results[i] = retry(ctx, r, warn, restore)
			return nil // results has all of them
		})
	}
	_ = group.Wait() // see above
	given := slices.ContainsFunc(results, func(err error) bool { return errors.Is(err, ErrGivenUp) })
	errs = append(errs, slices.DeleteFunc(results, func(err error) bool { return errors.Is(err, ErrGivenUp) })...)
	if err := errors.Join(errs...); err != nil || !given {
		return err
	}
	return ErrGivenUp
}

func retry(ctx context.Context, r Record, warn func(string), restore func(context.Context, Record) error) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := restore(ctx, r)
		if !errors.Is(err, ErrAgain) {
			return err
		}
		warn(fmt.Sprintf("project %s: not restored yet; trying again in %s", r.Project, pause))
		select {
		case <-ctx.Done():
			return fmt.Errorf("project %s: not restored, its containers cannot start; see the messages above, then run compose-secure up", r.Project)
		case <-time.After(pause):
		}
	}
}
