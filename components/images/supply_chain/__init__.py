"""What an image must prove before it runs: scan, SBOM, signature, verification."""

from .admission import Admission, AdmissionArgs, login
from .checks import Checks
from .cosign import Signer
from .inspection import CheckedImage
from .push import PushedImage, PushedImageArgs, RegistryImage, RegistryImageArgs
from .scan_policy import (
    Finding,
    Ignored,
    Scanner,
    ScanPolicy,
    ScanResult,
    Severity,
    judge_report,
    load_scan_policy,
    parse_policy,
)
from .tools import RegistryLogin, SupplyChainError, ToolError

__all__ = [
    "Admission",
    "AdmissionArgs",
    "CheckedImage",
    "Checks",
    "Finding",
    "Ignored",
    "PushedImage",
    "PushedImageArgs",
    "RegistryImage",
    "RegistryImageArgs",
    "RegistryLogin",
    "ScanPolicy",
    "ScanResult",
    "Scanner",
    "Severity",
    "Signer",
    "SupplyChainError",
    "ToolError",
    "judge_report",
    "load_scan_policy",
    "login",
    "parse_policy",
]
