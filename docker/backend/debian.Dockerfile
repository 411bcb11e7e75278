# The backend on Debian. Stages: dependencies, builder, code, runtime, development, testing, production (the default).
# Sibling of alpine.Dockerfile; keep the steps in the same order. What each variant is called: components/variants.py.
# No "# syntax" line: the frontend that BuildKit has built in needs no network.

# A mirror, another tag or a digest; any image with Python 3.11 as `python3` will do.
# renovate: datasource=docker depName=docker.io/library/python versioning=docker
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim
# Seconds since 1970. BuildKit 0.11 and newer date the image by it, and 0.13 and newer every file, if the exporter is told
# rewrite-timestamp=true: then two builds of one commit have one digest. Older ones take no notice.
ARG SOURCE_DATE_EPOCH

# ---- dependencies: the locked packages, exactly as they come ------------------------------------
FROM ${PYTHON_IMAGE} AS dependencies

# Another package index. No stage that is shipped stands on this one, so it is in no history.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
# Byte code goes by a hash of its source and not by its date: dates differ between two builds. Nothing in an image
# changes, so nothing compares the hash either.
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    PYTHONHASHSEED=0 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    VIRTUAL_ENV=/app/.venv

# In an environment of its own, as distributions forbid installing next to their Python. The optional secret holds
# authorities *besides* those of the base, for networks that inspect TLS: --secret id=ca_bundle,src=<PEM file>.
RUN --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/pip \
    --mount=type=tmpfs,target=/tmp \
    --mount=type=bind,source=requirements-build.txt,target=/tmp/requirements.txt \
    cat /etc/ssl/certs/ca-certificates.crt /run/secrets/ca_bundle >/tmp/trust.pem 2>/dev/null; \
    export PIP_CERT=/tmp/trust.pem \
    && python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --disable-pip-version-check --require-hashes --requirement /tmp/requirements.txt

# Only the lock file decides about this layer, and only hashes it names get in.
RUN --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=tmpfs,target=/tmp \
    --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \
    cat /etc/ssl/certs/ca-certificates.crt /run/secrets/ca_bundle >/tmp/trust.pem 2>/dev/null; \
    export SSL_CERT_FILE=/tmp/trust.pem \
    && /opt/uv/bin/uv venv --python "$(command -v python3)" "${VIRTUAL_ENV}" \
    && /opt/uv/bin/uv pip install --require-hashes --requirement /tmp/requirements.txt

# ---- builder: the same without what only compilers, debuggers and test runners read -------------
FROM dependencies AS builder

# For `strip`; not in the stage above, whose size is what the images are measured against.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*

# Symbols are more than a quarter of what the wheels hold. The lock of uv is a file that everybody may write.
RUN find "${VIRTUAL_ENV}" -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + \
    && find "${VIRTUAL_ENV}" -type f \
        \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.c' -o -name '*.h' \) -delete \
    && rm -f "${VIRTUAL_ENV}"/.lock "${VIRTUAL_ENV}"/bin/*activate* \
    && find "${VIRTUAL_ENV}" -type f -name '*.so*' -exec strip --strip-unneeded {} +

# ---- code: readable by user 1000 whatever the umask of the checkout was, compiled, of one date ---
FROM builder AS code

COPY app /app/app
RUN chmod -R u=rwX,go=rX /app/app \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /app/app \
    && find /app/app -exec touch -d 1980-01-01T00:00:00Z {} +

# ---- builder of development: the tools besides, and code that may change under a running process -
FROM builder AS builder-development

RUN --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=tmpfs,target=/tmp \
    --mount=type=bind,source=requirements-dev.txt,target=/tmp/requirements.txt \
    cat /etc/ssl/certs/ca-certificates.crt /run/secrets/ca_bundle >/tmp/trust.pem 2>/dev/null; \
    export SSL_CERT_FILE=/tmp/trust.pem \
    && /opt/uv/bin/uv pip install --require-hashes --requirement /tmp/requirements.txt \
    && rm -f "${VIRTUAL_ENV}"/.lock

COPY pyproject.toml /app/pyproject.toml
COPY tests /app/tests
COPY app /app/app
RUN chmod -R u=rwX,go=rX /app/pyproject.toml /app/tests /app/app \
    && find /app/pyproject.toml /app/tests /app/app -exec touch -d 1980-01-01T00:00:00Z {} +

# ---- runtime: what all images below start from -------------------------------------------------
FROM ${PYTHON_IMAGE} AS runtime

ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1

# The user, written down instead of made by tools that minimal bases lack. Then away with what can
# install software, and with every setuid bit: nothing in here has a use for them.
RUN echo 'slidegenie:x:1000:' >> /etc/group \
    && echo 'slidegenie:x:1000:1000::/app:/usr/sbin/nologin' >> /etc/passwd \
    && find /usr/local/lib /usr/lib -maxdepth 3 \
        \( -path '*/python3*/ensurepip' -o -path '*/python3*/idlelib' \
        -o -path '*-packages/pip*' -o -path '*-packages/setuptools*' -o -path '*-packages/wheel*' \
        -o -path '*-packages/pkg_resources' -o -path '*-packages/_distutils_hack' \
        -o -path '*-packages/distutils-precedence.pth' \) -prune -exec rm -rf {} + \
    && rm -rf /usr/local/bin/pip* /usr/local/bin/wheel /usr/local/bin/idle* /usr/bin/pip* /root/.cache \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

WORKDIR /app
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/app/.venv/bin/python", "-m", "app", "health"]

# ---- development: reloads on every change of the code mounted at /app/app ----------------------
FROM runtime AS development

COPY --from=builder-development /app/.venv /app/.venv
COPY --from=builder-development /app/pyproject.toml /app/pyproject.toml
COPY --from=builder-development /app/tests /app/tests
COPY --from=builder-development /app/app /app/app

USER 1000:1000
CMD ["python", "-m", "app", "serve", "--reload"]

# Last, so that a new version number rebuilds nothing.
ARG PYTHON_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="SlideGenie backend, development" \
      org.opencontainers.image.description="Turns outlines into PowerPoint files" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"

# ---- testing: the same, labels included, and runs the tests ------------------------------------
FROM development AS testing

HEALTHCHECK NONE
CMD ["python", "-m", "pytest"]
LABEL org.opencontainers.image.title="SlideGenie backend, tests"

# ---- production --------------------------------------------------------------------------------
FROM runtime AS production

COPY --from=builder /app/.venv /app/.venv
RUN --mount=type=tmpfs,target=/tmp \
    --mount=type=bind,source=image/compile_stdlib.py,target=/tmp/compile_stdlib.py \
    PYTHONHASHSEED=0 python /tmp/compile_stdlib.py

# All that a change of the application rebuilds.
COPY --from=code /app/app /app/app

USER 1000:1000
CMD ["python", "-m", "app", "serve"]

# Last, so that a new version number rebuilds nothing.
ARG PYTHON_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
ENV RELEASE=${VERSION}
LABEL org.opencontainers.image.title="SlideGenie backend" \
      org.opencontainers.image.description="Turns outlines into PowerPoint files" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
