package compose

import (
	"bytes"
	"errors"

	"go.yaml.in/yaml/v4"
)

// A document may have so many nodes with every alias and merge followed, or so many
// times its own. Nothing that is written by hand comes near, and 500 bytes are enough for a billion.
const (
	maxExpanded = 50_000
	maxRepeated = 8
)

// ErrAliases says that a document is too large with its aliases followed, or
// contains itself.
var ErrAliases = errors.New("its aliases and merges stand for many times what the file has, or for themselves; write out what they repeat, or remove them")

// CheckAliases returns ErrAliases for a document that takes beyond reason to be read with every
// alias followed. It takes time that is linear in the text.
func CheckAliases(root *yaml.Node) error {
	e := expansion{sizes: map[*yaml.Node]int{}}
	if size := e.size(root); size > maxExpanded && size > maxRepeated*e.own {
		return ErrAliases
	}
	return nil
}

// checkAliases is CheckAliases for the documents of a file. What is no YAML is
// reported by the loader.
func checkAliases(path string, data []byte) error {
	if !bytes.ContainsRune(data, '&') || !bytes.ContainsRune(data, '*') {
		return nil
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		if decoder.Decode(&doc) != nil { // the end, too
			return nil
		}
		if err := CheckAliases(&doc); err != nil {
			return reportf("%s:%d: %v", Display(path), doc.Line, err)
		}
	}
}

// expansion counts the nodes of a document, and looks into each anchor once.
type expansion struct {
	own   int                // nodes that stand in the text
	sizes map[*yaml.Node]int // of anchors
}

// tooLarge is the size of what contains itself, and beyond which nothing is added.
const tooLarge = 1 << 40

func (e *expansion) size(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		e.own++
		if n.Alias == nil {
			return 1
		}
		return 1 + e.size(n.Alias)
	}
	if size, ok := e.sizes[n]; ok {
		return size
	}
	if n.Anchor != "" {
		e.sizes[n] = tooLarge
	}
	e.own++
	size := 1
	for _, c := range n.Content {
		size = min(size+e.size(c), tooLarge)
	}
	if n.Anchor != "" {
		e.sizes[n] = size
	}
	return size
}
