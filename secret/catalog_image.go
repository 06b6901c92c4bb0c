package secret

import (
	"fmt"
	"strconv"
	"strings"
)

// hubNames are registries whose repositories are those of Docker Hub: its own
// names, and caches that keep Docker Hub's paths behind a prefix of their own.
var hubNames = [...]string{
	"docker.io/", "index.docker.io/", "registry-1.docker.io/", "registry.hub.docker.com/",
	"mirror.gcr.io/", "public.ecr.aws/docker/", "dockerproxy.com/", "docker.mirrors.ustc.edu.cn/",
}

// sameElsewhere are organisations that publish under the same path elsewhere.
var sameElsewhere = [...]string{"public.ecr.aws/bitnami/", "ghcr.io/bitnami/"}

// splitImage brings a reference to the form that the catalogue uses: lower
// case, Docker Hub without its registry, official images without library/.
// It also gives the tag; a digest is dropped. See
// https://github.com/distribution/reference for the grammar.
func splitImage(image string) (name, tag string) {
	image = strings.ToLower(strings.TrimSpace(image))
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image, tag = image[:i], image[i+1:]
	}
	for _, h := range hubNames {
		image = strings.TrimPrefix(image, h)
	}
	for _, h := range sameElsewhere {
		if rest, ok := strings.CutPrefix(image, h); ok {
			image = "bitnami/" + rest
		}
	}
	// GitLab's dependency proxy and pull-through caches of any registry.
	if _, rest, ok := strings.Cut(image, "/dependency_proxy/containers/"); ok {
		image = rest
	}
	if i := strings.LastIndex("/"+image, "/library/"); i >= 0 {
		image = image[i+len("library/"):]
	}
	return image, tag
}

// version is the numbers a tag starts with. nil is the newest version.
type version []int

// parseVersion reads 3.12.1 out of v3.12.1-management. A tag that starts with
// no number, such as latest, gives nil.
func parseVersion(tag string) version {
	tag = strings.TrimPrefix(tag, "v")
	var v version
	for _, part := range strings.Split(tag, ".") {
		digits := 0
		for digits < len(part) && part[digits] >= '0' && part[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(part[:digits])
		if err != nil {
			break
		}
		v = append(v, n)
		if digits < len(part) {
			break
		}
	}
	return v
}

// less reports whether v is older than bound. What v leaves open stands for
// the newest that fits: 3 is 3.13, not 3.0.
func (v version) less(bound version) bool {
	for n := range bound {
		if n >= len(v) {
			return false
		}
		if v[n] != bound[n] {
			return v[n] < bound[n]
		}
	}
	return false
}

// versionRange holds from <= v < below; nil bounds are open.
type versionRange struct{ from, below version }

func (r versionRange) contains(v version) bool {
	if r.from != nil && v.less(r.from) {
		return false
	}
	return r.below == nil || v.less(r.below)
}

func parseRange(s string) (versionRange, error) {
	var r versionRange
	for _, f := range strings.Fields(s) {
		switch {
		case strings.HasPrefix(f, ">="):
			r.from = parseVersion(f[2:])
		case strings.HasPrefix(f, "<"):
			r.below = parseVersion(f[1:])
		default:
			return r, fmt.Errorf("%q is no range of versions, use >=1.2 or <3", f)
		}
	}
	if s != "" && r.from == nil && r.below == nil {
		return r, fmt.Errorf("%q holds no version", s)
	}
	return r, nil
}
