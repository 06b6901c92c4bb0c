package secret

// IsPlain reports whether the policy declares the variable to be no secret,
// wherever its value comes from.
func (p Policy) IsPlain(name string) bool {
	return !matchAny(p.Secret, name) && matchAny(p.Plain, name)
}
