package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// User resolves the user of a container, "", "UID", "NAME", "UID:GID" or
// "NAME:GROUP", with the image's own /etc/passwd and /etc/group, as the runtime
// does: no user is root, a numeric user that is not listed has group 0, and a
// name that is not listed is an error.
func (f Facts) User(spec string) (uid, gid int, err error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	uid, err = strconv.Atoi(name)
	numeric := err == nil
	fields := lookup(f.Passwd, name, numeric)
	switch {
	case fields != nil:
		if uid, err = strconv.Atoi(fields[2]); err != nil {
			return 0, 0, fmt.Errorf("user %q has no numeric id in the image's /etc/passwd", name)
		}
		if gid, err = strconv.Atoi(fields[3]); err != nil {
			return 0, 0, fmt.Errorf("user %q has no numeric group in the image's /etc/passwd", name)
		}
	case !numeric:
		return 0, 0, fmt.Errorf("user %q is not in the image's /etc/passwd: use a numeric id", name)
	}
	if !hasGroup || group == "" {
		return uid, gid, nil
	}
	if gid, err = strconv.Atoi(group); err == nil {
		return uid, gid, nil
	}
	if fields = lookup(f.Group, group, false); fields != nil {
		gid, err = strconv.Atoi(fields[2])
	}
	if err != nil {
		return 0, 0, fmt.Errorf("group %q is not in the image's /etc/group: use a numeric id", group)
	}
	return uid, gid, nil
}

// lookup finds a line of passwd(5) or group(5) by name or by id. Four fields
// are what both files have.
func lookup(file []byte, key string, byID bool) []string {
	column := 0
	if byID {
		column = 2
	}
	for sc := bufio.NewScanner(bytes.NewReader(file)); sc.Scan(); {
		if f := strings.Split(sc.Text(), ":"); len(f) >= 4 && f[column] == key {
			return f
		}
	}
	return nil
}
