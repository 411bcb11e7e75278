"""What an image must prove before it runs: scan, SBOM, signature, verification."""

from .admission import Admission, AdmissionArgs, login
from .checks import Checks
from .cosign import Signer
from .errors import SupplyChainError, ToolError
from .gate import Finding, Verdict, judge
from .policy import Ignored, Scanner, ScanPolicy, Severity, load_policy, parse_policy
from .push import PushedImage, PushedImageArgs, RegistryImage
from .registry import Login
from .subject import Subject

__all__ = [
    "Admission",
    "AdmissionArgs",
    "Checks",
    "Finding",
    "Ignored",
    "Login",
    "PushedImage",
    "PushedImageArgs",
    "RegistryImage",
    "ScanPolicy",
    "Scanner",
    "Severity",
    "Signer",
    "Subject",
    "SupplyChainError",
    "ToolError",
    "Verdict",
    "judge",
    "load_policy",
    "login",
    "parse_policy",
]
