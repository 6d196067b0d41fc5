"""Options of kubectl and of Helm: which take a value as a word of its own, and which lead to another cluster.

The names are without dashes, those of one letter for ``-n`` and the like. What may have a value and need not, such as
kubectl's ``--dry-run``, only has it behind ``=``, and is not here.

Sources: ``kubectl options`` and ``kubectl COMMAND --help`` of each command, of 1.32.4 and 1.36.3; the flags that Helm
4.3.1 defines in pkg/cli/environment.go and pkg/cmd; and what earlier versions had, by their documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from promdrill.runbook import facts

Commands = Mapping[str, tuple[str, ...]]
"""Commands by option: ``logs``, ``set env``, or ``set`` for all that begin so."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one program.

    Attributes:
        valued: Those that take a value.
        elsewhere: Those that lead to another cluster.
        switch_in: Of `valued`, commands in which an option takes none.
        only_in: Of `valued`, the only commands in which an option takes one.
        own_in: Of `elsewhere`, commands in which an option means something else.
    """

    valued: frozenset[str]
    elsewhere: frozenset[str]
    switch_in: Commands = field(default_factory=dict)
    only_in: Commands = field(default_factory=dict)
    own_in: Commands = field(default_factory=dict)

    def takes_value(self, option: str, words: Sequence[str]) -> bool:
        """Whether an option takes a value.

        Args:
            option: Its name without dashes.
            words: The arguments before it that are no options, with which the command begins.
        """
        if option not in self.valued or _in(self.switch_in.get(option, ()), words):
            return False
        return option not in self.only_in or _in(self.only_in[option], words)

    def leads_elsewhere(self, option: str, words: Sequence[str]) -> bool:
        """Whether an option leads to another cluster; arguments as of `takes_value`."""
        return option in self.elsewhere and not _in(self.own_in.get(option, ()), words)


def of(program: str) -> Options:
    """The options of a program; those of kubectl for any but Helm, as ``oc`` has them too."""
    return HELM if program == "helm" else KUBECTL


def _in(commands: Sequence[str], words: Sequence[str]) -> bool:
    return any(list(words[: command.count(" ") + 1]) == command.split() for command in commands)


KUBECTL = Options(
    valued=facts.words(
        # of every command
        "as as-group as-uid as-user-extra cache-dir certificate-authority client-certificate client-key cluster "
        "context kubeconfig kuberc log-flush-frequency n namespace password profile profile-output request-timeout "
        "s server tls-server-name token user username v vmodule "
        # of some
        "accept-hosts accept-paths address aggregation-rule allowlist-entry annotation annotations api-group "
        "api-prefix api-version appendarg audience auth-provider auth-provider-arg bound-object-kind "
        "bound-object-name bound-object-uid c categories cert chunk-size class cluster-ip clusterip clusterrole "
        "command concurrency container containers copy-to cpu-percent current-replicas custom default-backend "
        "description detach-keys docker-email docker-password docker-server docker-username duration e env "
        "exec-api-version exec-arg exec-command exec-env exec-interactive-mode external-ip external-name f "
        "field-manager field-selector filename for from from-env-file from-file from-literal grace-period group "
        "hard helm-api-versions helm-command helm-kube-version image image-pull-policy k keepalive key keys "
        "kustomize l L label-columns labels limit-bytes limits load-balancer-ip load-restrictor max "
        "max-log-requests max-unavailable min min-available mount name namespaces network-name node-port "
        "non-resource-url o option output output-directory override-type overrides p P patch patch-file "
        "pod-running-timeout pod-selector policy port preemption-policy prefix prependarg protocol proxy-url "
        "prune-allowlist r raw reject-methods reject-paths replicas requests resource resource-name "
        "resource-version restart retries revision role rule schedule scopes section selector serviceaccount "
        "session-affinity set-image since since-time skip-wait-for-delete-timeout sort-by subresource tail target "
        "target-port tcp template timeout to-revision type types u unix-socket value verb verbs w www www-prefix "
        # of earlier versions
        "generator heapster-namespace heapster-port heapster-scheme heapster-service hostport prune-whitelist "
        "service-account service-generator service-overrides update-period use-openapi"
    ),
    elsewhere=facts.words(
        "certificate-authority client-certificate client-key cluster context insecure-skip-tls-verify kubeconfig "
        "password s server tls-server-name token user username"
    ),
    switch_in={"f": ("logs",), "raw": ("config view",)},
    only_in={
        "command": ("kuberc set",),
        "containers": ("set",),
        "p": ("patch", "proxy"),
        "prefix": ("set env",),
        "w": ("proxy",),
    },
    own_in={"user": ("create", "set subject"), "username": ("create",), "password": ("create",), "token": ("create",)},
)
"""Those of kubectl."""

HELM = Options(
    valued=facts.words(
        # of every command
        "burst-limit color colour content-cache kube-apiserver kube-as-group kube-as-user kube-ca-file kube-context "
        "kube-tls-server-name kube-token kubeconfig n namespace qps registry-config repository-cache "
        "repository-config "
        # of some
        "a api-versions app-version ca-file cascade cert-file chart-api-version d description destination dir "
        "endpoint f filter history-max jsonpath key key-file keyring kube-version l labels m max max-col-width "
        "merge name-template o offset output output-dir p passphrase-file password post-renderer post-renderer-args "
        "repo revision s selector server-side set set-file set-json set-literal set-string show-only starter "
        "template time-format timeout type u untardir url username values version "
        # of version 2
        "name node-selectors override service-account tiller-connection-timeout tiller-image tiller-namespace "
        "tls-ca-cert tls-cert tls-hostname tls-key"
    ),
    elsewhere=facts.words(
        "kube-apiserver kube-as-group kube-as-user kube-ca-file kube-context kube-insecure-skip-tls-verify "
        "kube-tls-server-name kube-token kubeconfig"
    ),
    switch_in={"l": ("search repo",)},
    only_in={
        "a": ("template",),
        "d": ("package", "pull", "fetch", "plugin package"),
        "server-side": ("upgrade", "rollback"),
        "u": ("registry login",),
    },
)
"""Those of Helm."""
