package secret

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
)

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

// alphabets are those that have a name. print leaves out what a shell, a URL or an
// env file would need quotes for.
var alphabets = map[string]string{
	"alnum": letters + digits, "hex": "0123456789abcdef", "base64url": letters + digits + "-_", "print": letters + digits + "!#%*+,-./:=?@^_~",
}

// minEntropy is the least number of bits that a generated value must have.
const minEntropy = 64

// StrengthError says that a value would be too weak, or too long.
type StrengthError struct{ text string }

func (e *StrengthError) Error() string { return e.text }

// Alphabet is the characters of a named alphabet (alnum, hex, base64url, print), else name itself.
func Alphabet(name string) string {
	if named, ok := alphabets[name]; ok {
		return named
	}
	return name
}

// Generate makes a value of length characters of an alphabet; see [Alphabet].
func Generate(alphabet string, length int) (Value, error) {
	characters := []rune(Alphabet(alphabet))
	slices.Sort(characters)
	characters = slices.Compact(characters)
	if len(characters) < 2 {
		return Value{}, &StrengthError{"alphabet needs at least two different characters"}
	}
	size := big.NewInt(int64(len(characters)))
	strength := new(big.Int).Exp(size, big.NewInt(int64(max(length, 0))), nil).BitLen() - 1
	if length > 4096 || strength < minEntropy {
		return Value{}, &StrengthError{fmt.Sprintf("length %d of %d characters is out of bounds: at least %d bits, at most 4096 characters", length, len(characters), minEntropy)}
	}
	var value []byte
	for range length {
		i, err := rand.Int(rand.Reader, size) // without bias
		if err != nil {
			return Value{}, err
		}
		value = append(value, string(characters[i.Int64()])...)
	}
	return NewValue(value), nil
}
