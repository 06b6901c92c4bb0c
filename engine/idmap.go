package engine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// IDMap tells which id of this machine a container's id is. The zero IDMap
// maps every id to itself.
type IDMap struct {
	Rootless bool // the engine itself runs as a user
	PID      int  // the process of a rootless engine: its user namespace is that of its containers; 0 when not known
	uids     []idRange
	gids     []idRange
}

type idRange struct{ container, host, size int }

// HostUID returns the owner a file must have for uid of a container to own it,
// or false when the engine maps no such id.
func (m IDMap) HostUID(uid int) (int, bool) { return mapID(m.uids, uid) }

// HostGID is HostUID for groups.
func (m IDMap) HostGID(gid int) (int, bool) { return mapID(m.gids, gid) }

// Identity reports whether ids are the same inside and outside.
func (m IDMap) Identity() bool { return m.uids == nil && m.gids == nil }

func mapID(ranges []idRange, id int) (int, bool) {
	if ranges == nil {
		return id, true
	}
	for _, r := range ranges {
		if id >= r.container && id < r.container+r.size {
			return r.host + id - r.container, true
		}
	}
	return 0, false
}

// IDMap returns the id mapping of the engine's containers: userns-remap and
// rootless engines have one. A service with userns_mode: host is not mapped.
func (e *Engine) IDMap(ctx context.Context) (IDMap, error) {
	info, err := e.ask(ctx)
	if err != nil {
		return IDMap{}, err
	}
	rootless := hasOption(info.SecurityOptions, "rootless")
	if !rootless && !hasOption(info.SecurityOptions, "userns") {
		return IDMap{}, nil
	}
	subuid, err := readOptional("/etc/subuid")
	if err != nil {
		return IDMap{}, err
	}
	subgid, err := readOptional("/etc/subgid")
	if err != nil {
		return IDMap{}, err
	}
	if !rootless {
		return remapped(info.DockerRootDir, subuid, subgid)
	}
	uid, pid, err := ownerOf(e.host)
	if err != nil {
		return IDMap{}, err
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return IDMap{}, fmt.Errorf("look up the user of the rootless engine: %w", err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return IDMap{}, fmt.Errorf("look up the group of the rootless engine: %w", err)
	}
	ids := rootlessMap(u.Username, uid, gid, subuid, subgid)
	ids.PID = pid
	return ids, nil
}

func readOptional(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the id ranges of users: %w", err)
	}
	return b, nil
}

// remapped reads the first ids out of the engine's directory, which ends in
// UID.GID with userns-remap, and the sizes out of subuid(5). See
// https://docs.docker.com/engine/security/userns-remap/.
func remapped(rootDir string, subuid, subgid []byte) (IDMap, error) {
	u, g, ok := strings.Cut(filepath.Base(rootDir), ".")
	uid, errU := strconv.Atoi(u)
	gid, errG := strconv.Atoi(g)
	if !ok || errU != nil || errG != nil {
		return IDMap{}, fmt.Errorf("the engine uses userns-remap, but its directory %q does not end in UID.GID", rootDir)
	}
	return IDMap{uids: rangesFrom(subuid, uid), gids: rangesFrom(subgid, gid)}, nil
}

// rangesFrom returns all ranges of the user one of whose ranges starts at
// first, that one in front. Without such a user it is one range of the usual
// size.
func rangesFrom(file []byte, first int) []idRange {
	var name string
	for _, e := range parseSubIDs(file) {
		if e.start == first {
			name = e.name
			break
		}
	}
	ranges := []idRange{{container: 0, host: first, size: 65536}}
	for _, e := range parseSubIDs(file) {
		if e.name == name && e.start == first {
			ranges[0].size = e.size
		}
	}
	for _, e := range parseSubIDs(file) {
		if e.name == name && e.start != first {
			last := ranges[len(ranges)-1]
			ranges = append(ranges, idRange{container: last.container + last.size, host: e.start, size: e.size})
		}
	}
	return ranges
}

// rootlessMap is what rootlesskit sets up: root is the user, the other ids
// follow from the user's subordinate ranges.
func rootlessMap(name string, uid, gid int, subuid, subgid []byte) IDMap {
	build := func(id int, file []byte) []idRange {
		ranges := []idRange{{container: 0, host: id, size: 1}}
		next := 1
		for _, e := range parseSubIDs(file) {
			if e.name == name || e.name == strconv.Itoa(uid) {
				ranges = append(ranges, idRange{container: next, host: e.start, size: e.size})
				next += e.size
			}
		}
		return ranges
	}
	return IDMap{Rootless: true, uids: build(uid, subuid), gids: build(gid, subgid)}
}

type subID struct {
	name        string
	start, size int
}

func parseSubIDs(file []byte) []subID {
	var ids []subID
	for sc := bufio.NewScanner(bytes.NewReader(file)); sc.Scan(); {
		f := strings.Split(strings.TrimSpace(sc.Text()), ":")
		if len(f) != 3 {
			continue
		}
		start, err1 := strconv.Atoi(f[1])
		size, err2 := strconv.Atoi(f[2])
		if err1 == nil && err2 == nil && size > 0 {
			ids = append(ids, subID{f[0], start, size})
		}
	}
	return ids
}
