"""What an image must prove before it runs: scan, SBOM, signature, verification."""

from .admission import Admission, AdmissionArgs, login
from .checks import Checks
from .cosign import Signer
from .errors import SupplyChainError, ToolError
from .gate import Finding, ScanResult, judge_report
from .policy import Ignored, Scanner, ScanPolicy, Severity, load_scan_policy, parse_policy
from .push import PushedImage, PushedImageArgs, RegistryImage, RegistryImageArgs
from .registry import RegistryLogin
from .subject import CheckedImage

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
