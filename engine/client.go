package engine

import "github.com/docker/docker/client"

// Client is the connection itself, for package swarm.
func (e *Engine) Client() *client.Client { return e.api }
