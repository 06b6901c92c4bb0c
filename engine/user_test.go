package engine

import "testing"

func TestUser(t *testing.T) {
	f := Facts{
		Passwd: []byte("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/:\n\nshort:x\n42:x:7:8::/:\nbad:x:y:1::/:\n"),
		Group:  []byte("root:x:0:\nweb:x:50:app\nbad:x:y:\n"),
	}
	tests := []struct {
		spec     string
		uid, gid int
		ok       bool
	}{
		{"", 0, 0, true},
		{"root", 0, 0, true},
		{"app", 1000, 1001, true},
		{"1000", 1000, 1001, true},
		{"2000", 2000, 0, true},
		{"app:web", 1000, 50, true},
		{"app:77", 1000, 77, true},
		{"2000:web", 2000, 50, true},
		{"app:", 1000, 1001, true},
		{":web", 0, 50, true},
		{"42", 42, 0, true},
		{"none", 0, 0, false},
		{"short", 0, 0, false},
		{"bad", 0, 0, false},
		{"app:none", 0, 0, false},
		{"app:bad", 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			uid, gid, err := f.User(tt.spec)
			if (err == nil) != tt.ok || err == nil && (uid != tt.uid || gid != tt.gid) {
				t.Errorf("%d:%d, %v", uid, gid, err)
			}
		})
	}
}
