// Package storage stands in for the client of Google Cloud Storage. The SOPS
// library links it for "sops publish", which compose-secure does not have; the
// real one brings gRPC's xDS, Envoy's API and a monitoring client along.
package storage

import (
	"context"
	"errors"
	"io"
)

// ErrNotLinked is what every use of this package comes to.
var ErrNotLinked = errors.New("Google Cloud Storage is not part of this program")

// Client, BucketHandle and ObjectHandle cannot be had: NewClient fails.
type (
	Client       struct{}
	BucketHandle struct{}
	ObjectHandle struct{}
)

// NewClient returns ErrNotLinked.
func NewClient(context.Context) (*Client, error) { return nil, ErrNotLinked }

// Bucket implements the part of the real client's interface that SOPS uses.
func (*Client) Bucket(string) *BucketHandle { return nil }

// Object implements the part of the real client's interface that SOPS uses.
func (*BucketHandle) Object(string) *ObjectHandle { return nil }

// NewWriter returns a writer that refuses everything.
func (*ObjectHandle) NewWriter(context.Context) io.WriteCloser { return refuses{} }

type refuses struct{}

func (refuses) Write([]byte) (int, error) { return 0, ErrNotLinked }
func (refuses) Close() error              { return ErrNotLinked }
