// Package safefile reads and replaces files that a stranger may have written, or another command
// is writing at this moment. It owns the limits of what is read, the lock over read and replacement,
// and the replacement itself: by rename, with owner and mode kept, all files or none. It knows no format and prints nothing.
package safefile
