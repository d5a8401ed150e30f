"""Certificates for servers on 127.0.0.1, signed by an authority of their own."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support.system_programs import find_program


class Certificates(NamedTuple):
    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make an authority, and a certificate that serves servers and clients."""
    authority, authority_key, certificate, key = (
        folder / name for name in ("ca.pem", "ca.key", "cert.pem", "cert.key")
    )
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    common = ("req", "-x509", *new_key, "-days", "2")
    _openssl(
        *(*common, "-keyout", authority_key, "-out", authority, "-subj", "/CN=Test authority"),
        *("-addext", "keyUsage=critical,keyCertSign"),  # Python 3.13 requires it
    )
    _openssl(
        *(*common, "-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1"),
        *("-CA", authority, "-CAkey", authority_key),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    return Certificates(authority, certificate, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([find_program("openssl"), *arguments], check=True, capture_output=True)
