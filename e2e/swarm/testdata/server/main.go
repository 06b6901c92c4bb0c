// Command server is the service of the Swarm tests: it serves its secret, or
// asks another one for it again and again.
//
//	server serve       serve the content of /run/secrets/token on :8080; one that starts with "bad" is refused
//	server hold        the same without a port
//	server check       tell whether the secret is a good one
//	server env         tell whether API_TOKEN is set, then wait
//	server cat FILE    print a file
//	server ask URL     ask until SIGTERM, then print how many requests there were and how many failed
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if len(os.Args) == 3 && os.Args[1] == "ask" {
		ask(os.Args[2], stop)
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "env" {
		_, set := os.LookupEnv("API_TOKEN")
		fmt.Println(map[bool]string{true: "API_TOKEN is set", false: "API_TOKEN is not set"}[set])
		<-stop
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "cat" {
		content, err := os.ReadFile(os.Args[2])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, _ = os.Stdout.Write(content)
		return
	}
	token, err := os.ReadFile("/run/secrets/token")
	refused := err != nil || strings.HasPrefix(string(token), "bad")
	if len(os.Args) == 2 && os.Args[1] == "check" {
		if refused {
			os.Exit(1)
		}
		return
	}
	if refused {
		fmt.Fprintln(os.Stderr, "the token is refused")
		time.Sleep(100 * time.Millisecond)
		os.Exit(3)
	}
	if len(os.Args) == 2 && os.Args[1] == "hold" { // no port: many of them share the network of the machine
		<-stop
		return
	}
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(token)
	})}
	go func() {
		<-stop
		time.Sleep(time.Second) // who has just looked the address up still gets an answer
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	time.Sleep(100 * time.Millisecond)
}

func ask(url string, stop <-chan os.Signal) {
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	requests, failed := 0, 0
	for {
		select {
		case <-stop:
			fmt.Printf("requests=%d failed=%d\n", requests, failed)
			return
		default:
		}
		requests++
		answer, err := client.Get(url)
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if err == nil && answer.StatusCode != http.StatusOK {
				err = fmt.Errorf("status %d", answer.StatusCode)
			}
		}
		if err != nil {
			failed++
			fmt.Println("request", requests, err)
		}
		time.Sleep(3 * time.Millisecond)
	}
}
