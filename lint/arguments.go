package lint

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/compose-secure/compose-secure/compose"
	"github.com/compose-secure/compose-secure/document/yamldoc"
)

// argumentList is a list of arguments, or a script, that can hold a secret.
type argumentList struct {
	field string // of the service that it stands in
	node  *yaml.Node
}

// argumentLists gives those of a service, or of a template for one, that stand in fields.
func argumentLists(service *yaml.Node, fields ...string) []argumentList {
	var found []argumentList
	for _, path := range compose.ArgumentLists() {
		if !slices.Contains(fields, path[0]) {
			continue
		}
		nodes := []*yaml.Node{service}
		for _, key := range path {
			var below []*yaml.Node
			for _, n := range nodes {
				if key == compose.AnyElement {
					below = append(below, yamldoc.Items(n)...)
				} else if next := yamldoc.Get(n, key); next != nil {
					below = append(below, next)
				}
			}
			nodes = below
		}
		for _, n := range nodes {
			found = append(found, argumentList{path[0], n})
		}
	}
	return found
}
