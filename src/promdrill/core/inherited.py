"""What a command inherits from the user's environment: the variables that are listed here, and no other.

A variable can lead a command elsewhere: HELM_KUBEAPISERVER sends Helm to another cluster, KUBECONFIG kubectl,
DOCKER_HOST kind. So each is chosen here, by program; what else a command needs, its caller states.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePath

from promdrill.core import docker_target

PERSON = ("USER", "LOGNAME", "TMPDIR", "TZ")

NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""The way to a registry or a package index, and whom to trust there."""

EVERY = (*PERSON, *NETWORK, "PATH", "HOME", "SHELL", "TERM", "LANG", "LANGUAGE", "LC_*", "PROMDRILL_*")
"""For every command."""

LOGIN = (
    *(docker_target.CONFIG_VARIABLE, "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "GNUPGHOME", "PASSWORD_STORE_DIR"),
    *("AWS_*", "AZURE_*", "CLOUDSDK_*", "GOOGLE_APPLICATION_CREDENTIALS", "WSL_*", "WSLENV"),
)
"""Where Docker's logins are, and what the programs need that Docker asks for them (``docker-credential-...``); kubectl
asks such programs too."""

_DOCKER = (
    *(docker_target.HOST_VARIABLE, docker_target.CONTEXT_VARIABLE, "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("SSH_AUTH_SOCK", *LOGIN),  # a Docker may be reached by ssh
)

_PIP = ("PIP_*",)

_BY_PROGRAM: Mapping[str, tuple[str, ...]] = {
    "docker": _DOCKER,
    "kind": _DOCKER,  # it calls docker
    "go": (
        *("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOINSECURE", "GOSUMDB", "GONOSUMDB", "GOAUTH", "NETRC"),
        *("GOROOT", "GOENV", "GOMAXPROCS", "GOMEMLIMIT", "XDG_CONFIG_HOME"),
    ),
    "pip": _PIP,
    "uv": ("UV_*", "XDG_*_HOME", *_PIP),
    "kubectl-login": LOGIN,  # kubectl towards a cluster of the user's, which may ask a program for the login
    "apt-get": ("APT_CONFIG",),
    "mmdebstrap": ("APT_CONFIG",),
    "promdrill": ("*",),  # reads them itself
}

_KUBECTL = {"KUBERC": "off"}  # ~/.kube/kuberc can add options to every command

_STATED: Mapping[str, Mapping[str, str]] = {"kubectl": _KUBECTL, "kubectl-login": _KUBECTL}


def environment(program: str) -> dict[str, str]:
    """What a program gets, without what its caller states.

    Args:
        program: Its path or name.
    """
    name = PurePath(program).name
    name = name if name in _BY_PROGRAM else name.partition("-")[0]  # kind-linux-amd64, as it is downloaded
    found = {**matching(*EVERY, *_BY_PROGRAM.get(name, ())), **_STATED.get(name, {})}
    return {**found, **docker_target.variables()} if name in {"docker", "kind"} else found


def matching(*patterns: str) -> dict[str, str]:
    """The user's variables with such names."""
    return {name: value for name, value in os.environ.items() if _any(name, patterns)}


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
