"""A `helm` that runs charts through the post-renderer, for drills and runbooks alike."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from string import Template

import promdrill
from promdrill.core import paths, shell
from promdrill.core.errors import UsageError
from promdrill.helm.post_renderer import rewrite as post_renderer

NAME = "promdrill-removed-apis"
"""The plugin's name in Helm 4."""

_PLUGIN_VERSION = "1.0.0"
"""Helm 4 ignores a plugin whose version is not a semantic one (internal/plugin), which Python's versions are not."""

VERSION_S = 30.0
"""Seconds for `helm version`, which takes 0.05 s."""

_PLUGIN_SINCE = 4
"""Helm 4 wants a plugin's name after --post-renderer, Helm 3 an executable (pkg/cmd/flags.go in both)."""

_OLDEST = 3

_HELM = Template(r"""#!/bin/sh
# Helm, with promdrill's post-renderer for the commands that render a chart.
command='' skip=''
for word do
  if [ -n "$$skip" ]; then
    skip=''
    continue
  fi
  case $$word in
    --debug | --help | -h | --kube-insecure-skip-tls-verify | --*=* | -n?*) ;;
    -*) skip=1 ;; # its value is the next word
    *)
      command=$$word
      break
      ;;
  esac
done
case $$command in
  install | upgrade | template) ;;
  *) exec $helm "$$@" ;;
esac
# Helm hides what a post-renderer says, Helm 4 even when it fails.
said=$$(mktemp $folder/said.XXXXXX) || exit
export $variable="$$said"
$plugins
$helm "$$@" --post-renderer $renderer
code=$$?
cat "$$said" >&2
rm -f "$$said"
exit "$$code"
""")

_REWRITE = Template("""#!/bin/sh
export PYTHONPATH=$source
exec $python -P -m promdrill.helm.post_renderer.rewrite
""")


def wrapped(helm: Path, folder: Path) -> Path:
    """Write a `helm` that adds the post-renderer to ``install``, ``upgrade`` and ``template``, and to nothing else.

    The post-renderer's messages go to standard error, after Helm's.

    Args:
        helm: The Helm to run: 3 or 4.
        folder: Where to write it; it works as long as the folder exists.

    Returns:
        Path of the new `helm`.

    Raises:
        CommandFailed: `helm` does not run.
        UsageError: It is neither 3 nor 4.
    """
    folder = folder.absolute()
    plugin = folder / "plugins" / NAME
    plugin.mkdir(parents=True, exist_ok=True)
    by_name = _major(helm, folder) >= _PLUGIN_SINCE
    described = {
        "apiVersion": "v1",
        "name": NAME,
        "version": _PLUGIN_VERSION,
        "type": "postrenderer/v1",
        "runtime": "subprocess",
        "runtimeConfig": {"platformCommand": [{"command": "$HELM_PLUGIN_DIR/rewrite"}]},
    }
    (plugin / "plugin.yaml").write_text(json.dumps(described), encoding="utf-8")  # JSON is YAML
    source = Path(promdrill.__file__).parents[1]
    rewrite = _REWRITE.substitute(source=shlex.quote(str(source)), python=shlex.quote(sys.executable))
    _script(plugin / "rewrite", rewrite)
    ours = shlex.quote(str(plugin.parent))
    text = _HELM.substitute(
        helm=shlex.quote(str(helm.absolute())),
        folder=shlex.quote(str(folder)),
        variable=post_renderer.SAID_VARIABLE,
        plugins=f"export HELM_PLUGINS={ours}" + '"${HELM_PLUGINS:+:$HELM_PLUGINS}"' if by_name else ":",
        renderer=NAME if by_name else shlex.quote(str(plugin / "rewrite")),
    )
    return _script(folder / "helm", text)


def _major(helm: Path, home: Path) -> int:
    env = {f"HELM_{part}_HOME": str(home / part.lower()) for part in ("CACHE", "CONFIG", "DATA")}
    said = shell.run([helm, "version", "--template", "{{.Version}}"], timeout_s=VERSION_S, env=env).stdout.strip()
    match = re.fullmatch(r"v?(\d+)\..*", said)
    if match is None or int(match[1]) < _OLDEST:
        raise UsageError(
            f"{helm} reports version {said!r}; the post-renderer works with Helm 3 and 4", hint=paths.command("doctor")
        )
    return int(match[1])


def _script(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
