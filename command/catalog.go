package command

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/compose-secure/compose-secure/deliver"
	"github.com/compose-secure/compose-secure/secret"
	"github.com/compose-secure/compose-secure/ui"
)

func newCatalog(s *session) *cli.Command {
	var format string
	return interspersed(&cli.Command{
		Name: "catalog", Usage: "print which variables an image reads from files, as the catalogue has it and as its entrypoint says",
		ArgsUsage: "IMAGE",
		Description: `The rows are those of secret/catalog.csv in the source of compose-secure: one that was found in the image and
   that the catalogue does not have is worth sending in, with the public source of the script. Without an
   engine the catalogue alone answers. Exit code 3 says that neither knows the image.

   Example:
     compose-secure catalog registry.example.com/our/postgres:16`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "text", Usage: "text (CSV) or json", Destination: &format}},
	}, func(c *cli.Context, args []string) error {
		if format != "text" && format != "json" {
			return usagef("--format is text or json, not %q", format)
		}
		if len(args) != 1 {
			return usagef("catalog takes one image, such as postgres:16; see compose-secure catalog --help")
		}
		return runCatalog(c.Context, s, args[0], format)
	})
}

// knownImage is what is known of an image.
type knownImage struct {
	Image   string            `json:"image"`
	Catalog map[string]string `json:"catalog"` // cells that are not empty; null without a row
	Found   map[string]string `json:"found"`   // the same, of what the image's entrypoint says
}

func runCatalog(ctx context.Context, s *session, image, format string) error {
	row, known := secret.Default().Lookup(image)
	found, here, err := s.lookedInto(ctx, image)
	if !known && err != nil {
		return fmt.Errorf("image %q is not in the catalogue, and was not looked into: %s", image, deliver.FirstLine(err))
	}
	if !known && !here {
		return fmt.Errorf("image %q is neither in the catalogue nor on the engine; get it with: docker pull %s", image, image)
	}
	if err != nil {
		s.log.Warn("the catalogue alone answers: " + deliver.FirstLine(err))
	}
	if format == "json" {
		k := knownImage{Image: image}
		if known {
			k.Catalog = row.Cells()
		}
		if found != nil {
			k.Found = found.Cells()
		}
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(k)
	}
	if !known && found == nil {
		return ui.Printf(s.Stdout, "nothing says that %s reads variables from files: it is wrapped\n", image)
	}
	lines := []string{secret.CatalogHeader()}
	for _, i := range []*secret.Image{row, found} {
		if i != nil {
			lines = append(lines, i.Row())
		}
	}
	for _, line := range lines {
		if err := ui.Printf(s.Stdout, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// lookedInto is what the entrypoint of an image reads, nil when nothing is sure; here reports whether the engine has the image.
func (s *session) lookedInto(ctx context.Context, image string) (found *secret.Image, here bool, err error) {
	eng, err := s.env().Connect(ctx)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = eng.Close() }() // a connection
	look, here, err := s.env().LookAt(ctx, eng, image)
	if err != nil || !here || look.Reads == "" {
		return nil, here, err
	}
	if found, err = secret.ParseRow(look.Reads); err == nil {
		found, err = found.For(image)
	}
	return found, true, err
}
