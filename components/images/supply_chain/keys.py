"""A key pair made on request: a pure function of random bytes in the stack's encrypted state, never on a disk."""

import pulumi
from cryptography.hazmat.primitives import serialization

from ...core.certificates import elliptic_key, private_seed


class GeneratedKey(pulumi.ComponentResource):
    """An ECDSA P-256 key pair, the kind Cosign makes. Protected: without it, signed images could not be verified."""

    private: pulumi.Output[str]
    """PEM private key, secret."""
    public: pulumi.Output[str]
    """PEM public key, for everybody who runs the images."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:GeneratedKey", name, None, opts)
        seed = private_seed(name, opts=pulumi.ResourceOptions(parent=self, protect=True))
        pair = seed.apply(key_pair)
        self.private = pulumi.Output.secret(pair.apply(lambda keys: keys[0]))
        self.public = pulumi.Output.unsecret(pair.apply(lambda keys: keys[1]))
        self.register_outputs({"public": self.public})


def key_pair(seed: str) -> tuple[str, str]:
    """Return private and public key in PEM, always the same for the same 32 random bytes in base64."""
    key = elliptic_key(seed)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
