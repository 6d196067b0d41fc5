"""Fire drills for Prometheus on Kubernetes."""

import sys

__version__ = "0.1.0"

if sys.platform in {"win32", "cygwin"}:  # half of what is imported next does not exist there
    sys.stderr.write("promdrill: it does not run on Windows itself, but in WSL 2, where Docker runs too\n")
    sys.stderr.write("Hint: wsl --install, and install promdrill in there\n")
    raise SystemExit(2)
