package engine

import (
	"testing"

	"github.com/compose-secure/compose-secure/internal/cputime"
)

// FuzzUser finds a user in the /etc/passwd and /etc/group of an image.
func FuzzUser(f *testing.F) {
	f.Add("app:staff", []byte("root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:\n"), []byte("staff:x:50:app\n"))
	f.Add("99999999999999999999:-1", []byte(":::\n"), []byte("a:b\n"))
	f.Fuzz(func(t *testing.T, spec string, passwd, group []byte) {
		cputime.Limit(t, len(spec)+len(passwd)+len(group), func() { _, _, _ = Facts{Passwd: passwd, Group: group}.User(spec) })
	})
}

// FuzzSubIDs reads /etc/subuid and what a user namespace maps.
func FuzzSubIDs(f *testing.F) {
	f.Add([]byte("me:100000:65536\n1000:1:1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cputime.Limit(t, len(data), func() {
			parseSubIDs(data)
			rangesFrom(data, 0)
			mapID(rootlessMap("me", 1000, 1000, data, data).uids, 5)
		})
	})
}
