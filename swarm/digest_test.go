package swarm

import (
	"crypto/md5"  //nolint:gosec // what a guesser would try
	"crypto/sha1" //nolint:gosec // what a guesser would try
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-secure/compose-secure/secret"
)

func value(text string) secret.Value { return secret.NewValue([]byte(text)) }

func TestDigest(t *testing.T) {
	for _, secrets := range []int{1, 20, 500} {
		d := newDigest("a_v1", value("one"), costFor(secrets))
		if !matches(d, "a_v1", value("one")) {
			t.Errorf("%d secrets: the digest does not match its own value", secrets)
		}
		if matches(d, "a_v2", value("one")) {
			t.Errorf("%d secrets: the digest matches in another object", secrets)
		}
		if matches(d, "a_v1", value("two")) {
			t.Errorf("%d secrets: the digest matches another value", secrets)
		}
		if d == newDigest("a_v1", value("one"), costFor(secrets)) {
			t.Errorf("%d secrets: two digests of one value are equal: no salt", secrets)
		}
	}
}

func TestMatchesRefusesForeignLabels(t *testing.T) {
	salt, sum := base64.RawStdEncoding.EncodeToString(make([]byte, 16)), base64.RawStdEncoding.EncodeToString(make([]byte, 32))
	cases := map[string]string{
		"empty":       "",
		"other kind":  "$2y$10$abcdefghijklmnopqrstuv",
		"huge memory": "$argon2id$v=19$m=99999999,t=2,p=1$" + salt + "$" + sum,
		"many passes": "$argon2id$v=19$m=1024,t=4000000000,p=1$" + salt + "$" + sum,
		"no passes":   "$argon2id$v=19$m=1024,t=0,p=1$" + salt + "$" + sum,
		"short sum":   "$argon2id$v=19$m=1024,t=1,p=1$" + salt + "$AAAA",
		"bad base64":  "$argon2id$v=19$m=1024,t=1,p=1$!$" + sum,
	}
	for name, digest := range cases {
		t.Run(name, func(t *testing.T) {
			if _, ok := parseDigest(digest); ok {
				t.Error("it was read")
			}
			if matches(digest, "a_v1", value("")) {
				t.Error("it matches")
			}
		})
	}
}

// TestNoFastHashFindsAPIN tries every four-digit PIN with every hash that is
// quick to compute, also behind the salt, in names and labels of a version.
func TestNoFastHashFindsAPIN(t *testing.T) {
	const pin = "4271"
	digest := newDigest("shop_pin_v3", value(pin), costFor(500))
	l := labels("shop", "pin", 3, digest, "")
	text := objectName("shop", "pin", 3) + " " + strings.Join(slices.Collect(maps.Values(l)), " ")
	d, ok := parseDigest(digest)
	if !ok {
		t.Fatal("the digest cannot be read")
	}
	for n := range 10_000 {
		guess := []byte(fmt.Sprintf("%04d", n))
		for _, in := range [][]byte{guess, append(slices.Clone(d.salt), guess...), append(append(slices.Clone(d.salt), "shop_pin_v3"...), guess...), append(slices.Clone(guess), d.salt...)} {
			m, s1, s2, s5 := md5.Sum(in), sha1.Sum(in), sha256.Sum256(in), sha512.Sum512(in) //nolint:gosec // see above
			c := crc32.ChecksumIEEE(in)
			for _, sum := range [][]byte{m[:], s1[:], s2[:], s5[:], {byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}} {
				size := min(len(sum), 8)
				if strings.Contains(text, hex.EncodeToString(sum[:size])) || strings.Contains(text, base64.RawStdEncoding.EncodeToString(sum[:size])[:size]) && size == 8 {
					t.Fatalf("a fast hash of %s stands in a name or label", guess)
				}
			}
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(newDigest("a_v1", value("x"), cost{memory: 8, passes: 1}))
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := parseDigest(text); ok && (d.memory > maxMemory || d.passes > maxPasses || d.passes < 1 || len(d.sum) != digestSize) {
			t.Errorf("out of bounds: %+v", d.cost)
		}
	})
}
