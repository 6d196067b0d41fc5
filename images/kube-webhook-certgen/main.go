// Command kube-webhook-certgen makes the certificate of admission webhooks, and tells the API server whom to trust. It takes
// the options of registry.k8s.io/ingress-nginx/kube-webhook-certgen and ghcr.io/jkroepke/kube-webhook-certgen that charts
// give in their Helm hooks, whose place it takes where those programs cannot be had.
//
//	kube-webhook-certgen create --host=NAME,... --namespace=NAMESPACE --secret-name=NAME
//	kube-webhook-certgen patch --webhook-name=NAME --namespace=NAMESPACE --secret-name=NAME
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// authority is the key of a Secret with the certificate that signed the other one.
const authority = "ca"

// version is set by the linker.
var version = "unstamped"

var errUsage = errors.New("usage: kube-webhook-certgen create OPTIONS | patch OPTIONS | version")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := command(ctx, inCluster, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "kube-webhook-certgen: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// command does what args say; connect finds the API server.
func command(ctx context.Context, connect func() (*cluster, error), args []string) error {
	name, rest := "", []string(nil)
	if len(args) > 0 {
		name, rest = args[0], args[1:]
	}
	switch name {
	case "create":
		asked, err := parseCreate(rest)
		if err != nil {
			return err
		}
		return with(connect, func(api *cluster) error { return asked.do(ctx, api) })
	case "patch":
		asked, err := parsePatch(rest)
		if err != nil {
			return err
		}
		return with(connect, func(api *cluster) error { return asked.do(ctx, api) })
	case "version":
		fmt.Println(version)
		return nil
	}
	return errUsage
}

func with(connect func() (*cluster, error), act func(*cluster) error) error {
	api, err := connect()
	if err != nil {
		return err
	}
	return act(api)
}

// creation is a Secret to make, with a certificate.
type creation struct {
	hosts             []string
	namespace, secret string
	certificate, key  string // keys of the Secret
}

func parseCreate(args []string) (creation, error) {
	var found creation
	var hosts string
	flags := flag.NewFlagSet("kube-webhook-certgen create", flag.ContinueOnError)
	flags.StringVar(&hosts, "host", "", "`names` and addresses that the certificate is for, separated by commas")
	flags.StringVar(&found.namespace, "namespace", "", "`namespace` of the Secret")
	flags.StringVar(&found.secret, "secret-name", "", "`name` of the Secret")
	flags.StringVar(&found.certificate, "cert-name", "cert", "`key` of the certificate in it")
	flags.StringVar(&found.key, "key-name", "key", "`key` of the private key in it")
	if err := parse(flags, args, "host", "namespace", "secret-name"); err != nil {
		return found, err
	}
	for _, host := range strings.Split(hosts, ",") {
		if host = strings.TrimSpace(host); host != "" {
			found.hosts = append(found.hosts, host)
		}
	}
	if len(found.hosts) == 0 {
		return found, fmt.Errorf("--host %q names no host", hosts)
	}
	return found, nil
}

// do makes the Secret, unless it is there: a certificate that is in use is not replaced.
func (c creation) do(ctx context.Context, api *cluster) error {
	there, err := api.secret(ctx, c.namespace, c.secret)
	if err == nil {
		slog.Info("the Secret is there", "namespace", c.namespace, "secret", c.secret)
		_, err = authorityOf(there, c.secret)
		return err
	}
	if !errors.Is(err, errNotFound) {
		return err
	}
	made, err := newPair(c.hosts)
	if err != nil {
		return err
	}
	data := map[string][]byte{authority: made.authority, c.certificate: made.certificate, c.key: made.key}
	if err := api.createSecret(ctx, c.namespace, c.secret, data); err != nil {
		return err
	}
	slog.Info("the Secret is made", "namespace", c.namespace, "secret", c.secret, "hosts", c.hosts)
	return nil
}

// patching is a webhook configuration to be told whom to trust.
type patching struct {
	namespace, secret, webhook string
	validating, mutating       bool
	policy                     string // empty to leave it
}

func parsePatch(args []string) (patching, error) {
	var found patching
	flags := flag.NewFlagSet("kube-webhook-certgen patch", flag.ContinueOnError)
	flags.StringVar(&found.namespace, "namespace", "", "`namespace` of the Secret")
	flags.StringVar(&found.secret, "secret-name", "", "`name` of the Secret")
	flags.StringVar(&found.webhook, "webhook-name", "", "`name` of the webhook configurations")
	flags.BoolVar(&found.validating, "patch-validating", true, "change the ValidatingWebhookConfiguration")
	flags.BoolVar(&found.mutating, "patch-mutating", true, "change the MutatingWebhookConfiguration")
	flags.StringVar(&found.policy, "patch-failure-policy", "", "`policy` that all of its webhooks get: Ignore or Fail; empty to keep theirs")
	if err := parse(flags, args, "namespace", "secret-name", "webhook-name"); err != nil {
		return found, err
	}
	switch {
	case !found.validating && !found.mutating:
		return found, errors.New("--patch-validating=false and --patch-mutating=false: nothing to change")
	case found.policy != "" && found.policy != "Ignore" && found.policy != "Fail":
		return found, fmt.Errorf("--patch-failure-policy %q: want Ignore or Fail", found.policy)
	}
	return found, nil
}

// do gives the Secret's authority, and the policy, to all webhooks of the configurations.
func (p patching) do(ctx context.Context, api *cluster) error {
	found, err := api.secret(ctx, p.namespace, p.secret)
	if err != nil {
		return err
	}
	trusted, err := authorityOf(found, p.secret)
	if err != nil {
		return err
	}
	for _, each := range []struct {
		kind   string
		wanted bool
	}{{"validatingwebhookconfigurations", p.validating}, {"mutatingwebhookconfigurations", p.mutating}} {
		if !each.wanted {
			continue
		}
		if err := api.trust(ctx, each.kind, p.webhook, trusted, p.policy); err != nil {
			return err
		}
		slog.Info("the webhooks trust the Secret's authority", "kind", each.kind, "name", p.webhook, "secret", p.secret)
	}
	return nil
}

func authorityOf(data map[string][]byte, secret string) ([]byte, error) {
	if len(data[authority]) == 0 {
		return nil, fmt.Errorf("the Secret %s has no key %q", secret, authority)
	}
	return data[authority], nil
}

// parse reads args; the flags that are named must not be empty.
func parse(flags *flag.FlagSet, args []string, required ...string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for _, name := range required {
		if flags.Lookup(name).Value.String() == "" {
			return fmt.Errorf("--%s is missing", name)
		}
	}
	return nil
}
