package sops

// Decrypted is closed when the decryption of f has ended.
func (f *File) Decrypted() <-chan struct{} { return f.done }
