// Command probe is the only file of an image without a shell. It tells a test
// what the process in the container was given: arguments, environment, user,
// working directory, files, signals.
//
//	probe [ACTION...]
//
// Actions run in order:
//
//	args          print one line "arg N=..." per argument after "--"
//	env NAME...   print NAME=value, or "NAME is not set"; names end at the next action
//	names         print the sorted names of the environment
//	id            print uid, gid, pid and working directory
//	read PATH...  print each file's content, as a Go string literal
//	serve ADDR    serve /env?name=, /names, /args, /id, /file?path= until a signal
//	wait          wait for SIGTERM, SIGINT, SIGHUP, SIGUSR1 or SIGUSR2, print its name
//	exit CODE     end with this code
//	-- ...        the rest is not interpreted
//
// Without an action it prints args and id, then waits.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	code, err := run(os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		code = 2
	}
	os.Exit(code)
}

// actions lists the words that end a list of names.
const actions = " args env names id read serve wait exit -- "

func isAction(s string) bool { return strings.Contains(actions, " "+s+" ") }

// operands splits off what belongs to the action before.
func operands(args []string) (mine, rest []string) {
	for i, a := range args {
		if isAction(a) {
			return args[:i], args[i:]
		}
	}
	return args, nil
}

func run(args []string, out io.Writer) (int, error) {
	if len(args) == 0 || args[0] == "--" {
		args = append([]string{"args", "id", "wait"}, args...)
	}
	for len(args) > 0 {
		action := args[0]
		var words []string
		words, args = operands(args[1:])
		var err error
		switch action {
		case "args":
			printArgs(out)
		case "env":
			for _, name := range words {
				printEnv(out, name)
			}
		case "names":
			printNames(out)
		case "id":
			printID(out)
		case "read":
			for _, path := range words {
				if err = printFile(out, path); err != nil {
					break
				}
			}
		case "serve":
			err = serve(out, strings.Join(words, ""))
		case "wait":
			fmt.Fprintln(out, "signal", <-signals())
		case "exit":
			return strconv.Atoi(strings.Join(words, ""))
		case "--":
			return 0, nil
		default:
			err = fmt.Errorf("unknown action %q", action)
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func printArgs(w io.Writer) {
	for i, a := range os.Args {
		fmt.Fprintf(w, "arg %d=%q\n", i, a)
	}
}

func printEnv(w io.Writer, name string) {
	if v, ok := os.LookupEnv(name); ok {
		fmt.Fprintf(w, "%s=%q\n", name, v)
		return
	}
	fmt.Fprintf(w, "%s is not set\n", name)
}

func printNames(w io.Writer) {
	var names []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintln(w, "names", strings.Join(names, " "))
}

func printID(w io.Writer) {
	dir, err := os.Getwd()
	if err != nil {
		dir = err.Error()
	}
	fmt.Fprintf(w, "uid=%d gid=%d pid=%d ppid=%d dir=%s\n", os.Getuid(), os.Getgid(), os.Getpid(), os.Getppid(), dir)
}

func printFile(w io.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	fmt.Fprintf(w, "file %s mode=%04o uid=%d gid=%d content=%q\n", path, info.Mode().Perm(), owner.Uid, owner.Gid, content)
	return nil
}

func signals() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	return c
}

func serve(out io.Writer, addr string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) { printEnv(w, r.FormValue("name")) })
	mux.HandleFunc("/names", func(w http.ResponseWriter, _ *http.Request) { printNames(w) })
	mux.HandleFunc("/args", func(w http.ResponseWriter, _ *http.Request) { printArgs(w) })
	mux.HandleFunc("/id", func(w http.ResponseWriter, _ *http.Request) { printID(w) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		if err := printFile(w, r.FormValue("path")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	})
	stop := signals()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "serving", listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		fmt.Fprintln(out, "signal", <-stop)
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
