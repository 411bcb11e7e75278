"""What stood between a resource and its parent in releases of before: Pulumi has to know, or it would make it anew."""

import pulumi


def formerly_below(kind: str, name: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Return `opts` of a resource that was the child of a component of type `kind` with the resource's own `name`."""
    former = pulumi.create_urn(name, kind, opts.parent if opts else None)
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=former)]))
