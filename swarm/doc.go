// Package swarm keeps the secrets and configs of a stack as numbered versions
// and moves services from one version to another as rolling updates that can
// go back. It translates a project into what docker stack deploy accepts, waits
// until services have converged and undoes what did not.
//
// All that it remembers stands in the cluster: names and labels of secrets and
// configs, labels, previous specs and update states of services. It loads no
// compose file, resolves no value and prints nothing but progress.
package swarm
